#include "frontends/encoder/import.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "frontends/encoder/encoder_writer.h"
#include "frontends/encoder/weights.h"

namespace lluda::frontends::encoder {
namespace {

using ir::Axis;
using ir::Extent;
using ir::Opcode;
using ir::Operand;
using ir::Value;

// Of the sines that tell a row its place.
constexpr double kLongestWave = 10000;

constexpr char kAttn[] = "audio_attn";
constexpr char kMlp[] = "audio_mlp";

Axis Sized(std::string name, int64_t extent) { return {std::move(name), Extent::Constant(extent)}; }

// Of a convolution's input.
struct Grid {
  int64_t time = 0;
  int64_t mel = 0;
  std::vector<Axis> in;  // its channels; none of features, which have no axis for the one
};

// The weights ch in km kt as a matrix of the taps in the order in which the input has them.
Operand Taps(EncoderWriter* f, const std::string& name, const std::string& in, const Axis& tap) {
  Value* ordered =
      f->b().Permute(absl::StrCat(name, "_ordered"), f->Matrix(name), {"ch", "kt", "km", in});
  return f->b().Merge(absl::StrCat(name, "_taps"), ordered, {"kt", "km", in}, tap);
}

// A convolution 3x3 of stride 2 with a border of one, its bias and GELU, rounded for the next one.
absl::Status AddConvolution(const Model& model, const std::string& name, const Grid& grid) {
  EncoderWriter f(model, name, /*per_block=*/false);
  ir::Builder& b = f.b();
  const Axis time = Sized("time", Halved(grid.time)), mel = Sized("mel", Halved(grid.mel));
  const Axis place = Sized("place", time.extent.value * mel.extent.value);
  const bool has_channels = !grid.in.empty();
  const Axis tap = Sized("tap", 9 * (has_channels ? grid.in[0].extent.value : 1));
  std::vector<Axis> axes = {Sized("time", grid.time), Sized("mel", grid.mel)};
  axes.insert(axes.end(), grid.in.begin(), grid.in.end());
  std::vector<std::string> taps = {"kt", "km"};
  if (has_channels) taps.push_back(grid.in[0].name);
  // The features themselves are not rounded: sums of nine products cost little as they are.
  Value* x = has_channels ? f.NarrowParam("x", std::move(axes)) : f.Param("x", std::move(axes));
  Value* padded = b.Pad("p", x, {"time", "mel"}, 1, 1);
  Value* in_mel = b.Window("wm", padded, "mel", mel, f.Named("km"), 2);
  Value* windows = b.Window("w", in_mel, "time", time, f.Named("kt"), 2);
  std::vector<std::string> order = {"time", "mel"};
  order.insert(order.end(), taps.begin(), taps.end());
  Value* rows = b.Merge("r", b.Permute("o", windows, std::move(order)), {"time", "mel"}, place);
  const Operand weights = Taps(&f, name, has_channels ? grid.in[0].name : "one", tap);
  Value* sums =
      f.Linear("s", b.Merge("t", rows, std::move(taps), tap), weights, name + "_bias", "tap");
  return f.Return(f.Narrow("z", f.Gelu("y", sums)));
}

// What lies behind the end of a short sound is made zero.
Value* Mask(EncoderWriter* f, const std::string& name, Value* x, Value* mask) {
  return f->b().Binary(Opcode::kMul, name, x, f->Narrow(mask->name + "_h", mask));
}

absl::Status AddChunk(const Model& model) {
  const AudioTower& tower = model.tower;
  const Axis in = TowerAxis(tower, "cin");
  Grid grids[4] = {{kChunkFrames, tower.mel_bins, {}}};
  for (int i = 1; i < 4; ++i) {
    grids[i] = {Halved(grids[i - 1].time), Halved(grids[i - 1].mel), {in}};
    RETURN_IF_ERROR(AddConvolution(model, absl::StrCat("conv", i), grids[i - 1]));
  }
  EncoderWriter f(model, step_interface::kAudioChunk, /*per_block=*/false);
  ir::Builder& b = f.b();
  Value* features = f.Param(step_interface::kMel, {f.Named("time"), f.Named("mel")});
  Value* masks[] = {f.Param(step_interface::kMask1, {Sized("time", grids[1].time)}),
                    f.Param(step_interface::kMask2, {Sized("time", grids[2].time)})};
  Value* x = features;
  for (int i = 1; i < 4; ++i) {
    const std::string number = absl::StrCat(i);
    Value* places = b.Call(absl::StrCat("c", number),
                           model.module->FindFunc(absl::StrCat("conv", number)), "", {x});
    x = b.Split(absl::StrCat("y", number), places, "place",
                {Sized("time", grids[i].time), Sized("mel", grids[i].mel)});
    if (i == 3) break;
    x = Mask(&f, absl::StrCat("m", number), x, masks[i - 1]);
    x = b.Rename(absl::StrCat("x", number), x, "ch", "cin");
  }
  // The checkpoint's matrix has its columns by channel, then by place.
  const Axis mel = Sized("mel", grids[3].mel);
  Value* apart = b.Split("w0", f.Matrix("conv_out"), "feat", {f.Named("ch"), mel});
  Value* ordered = b.Permute("w1", apart, {"wide", "mel", "ch"});
  Value* matrix = b.Merge("w", ordered, {"mel", "ch"}, f.Named("feat"));
  Value* rows = b.Merge("r", x, {"mel", "ch"}, f.Named("feat"));
  return f.Return(b.Matmul("y", rows, matrix, "feat"));
}

// Queries, keys or values, by head.
Value* Heads(EncoderWriter* f, const std::string& name, Value* h, const char* axis) {
  Value* rows = f->Linear(absl::StrCat(name, "0"), h, f->Matrix(absl::StrCat("audio_w", name)),
                          absl::StrCat("audio_b", name), "wide");
  return f->b().Split(name, rows, axis, {f->Named("head"), f->Named("dim")});
}

// Every row of the window sees all of them.
absl::Status AddAttention(const Model& model) {
  EncoderWriter f(model, kAttn, /*per_block=*/true);
  ir::Builder& b = f.b();
  Value* x = f.Param("x", f.SoundAxes("wide"));
  Value* h = f.Narrow("h", f.LayerNorm("h", x, "audio_attn_norm", "wide"));
  Value* q = Heads(&f, "q", h, "q");
  const auto by_key = [&](const char* name, Value* rows) {
    return b.Rename(name, rows, step_interface::kTokenAxis, "key");
  };
  Value* k = by_key("keys", Heads(&f, "k", h, "kd"));
  Value* v = by_key("values", Heads(&f, "v", h, "vd"));
  const double scale = 1.0 / std::sqrt(static_cast<double>(model.tower.head_dim()));
  Value* scores = b.Scale("scores", b.Matmul("products", q, k, "dim"), scale);
  Value* most = b.Reduce(Opcode::kReduceMax, "most", scores, "key");
  Value* shares = b.Unary(Opcode::kExp, "shares", b.Binary(Opcode::kSub, "below", scores, most));
  Value* weights =
      b.Binary(Opcode::kDiv, "weights", shares, b.Reduce(Opcode::kReduceSum, "all", shares, "key"));
  Value* o = b.Merge("o0", b.Matmul("mixed", weights, v, "key"), {"head", "dim"}, f.Named("q"));
  Value* y = f.Linear("y0", f.Narrow("o", o), f.Matrix("audio_wo"), "audio_bo", "q");
  return f.Return(b.Binary(Opcode::kAdd, "y", x, y));
}

absl::Status AddMlp(const Model& model) {
  EncoderWriter f(model, kMlp, /*per_block=*/true);
  Value* x = f.Param("x", f.SoundAxes("wide"));
  Value* h = f.Narrow("h", f.LayerNorm("h", x, "audio_mlp_norm", "wide"));
  Value* u = f.Linear("u", h, f.Matrix("audio_fc1"), "audio_fc1_bias", "wide");
  Value* a = f.Narrow("a", f.Gelu("a", u));
  Value* y = f.Linear("y0", a, f.Matrix("audio_fc2"), "audio_fc2_bias", "fc");
  return f.Return(f.b().Binary(Opcode::kAdd, "y", x, y));
}

// Of each row of a chunk, sin and cos of t * kLongestWave^(-i / (d / 2 - 1)), the sines first.
Value* Sines(EncoderWriter* f) {
  ir::Builder& b = f->b();
  const Axis pair = f->Named("pair");
  ir::Attrs exponents;
  exponents.result_axes = {pair};
  exponents.step = 1.0 / static_cast<double>(pair.extent.value - 1);
  ir::Attrs power;
  power.base = kLongestWave;
  Value* wavelength =
      b.Add(Opcode::kPower, "wavelength", {b.Add(Opcode::kIota, "exponent", {}, exponents)}, power);
  ir::Attrs places;
  places.result_axes = {Sized("time", kChunkRows)};
  places.step = 1;
  Value* angle = b.Binary(Opcode::kMul, "angle", b.Add(Opcode::kIota, "t", {}, places),
                          b.Unary(Opcode::kReciprocal, "frequency", wavelength));
  return b.Concat("sines",
                  {b.Unary(Opcode::kSin, "sin", angle), b.Unary(Opcode::kCos, "cos", angle)},
                  {"pair"}, f->Named("wide"));
}

absl::Status AddWindow(const Model& model) {
  EncoderWriter f(model, step_interface::kAudio, /*per_block=*/false);
  ir::Builder& b = f.b();
  Value* sound = f.Param(step_interface::kSound, f.SoundAxes("wide"));
  Value* place = f.IntParam(step_interface::kPlace, {f.SoundAxes("wide")[0]});
  Value* x0 = b.Binary(Opcode::kAdd, "x0", sound, b.Gather("where", Sines(&f), place, "time"));
  ir::Op* loop = b.For("xn", kBlock, 0, model.tower.layers, "x", x0);
  ir::Builder body(loop->body.get());
  Value* xa =
      body.Call("xa", model.module->FindFunc(kAttn), kBlock, {Operand(loop->carried.get())});
  body.Yield(body.Call("xm", model.module->FindFunc(kMlp), kBlock, {xa}));
  RETURN_IF_ERROR(body.status());
  Value* h = f.Narrow("h", f.LayerNorm("h", loop->result(), "audio_norm", "wide"));
  Value* u = f.Linear("u", h, f.Matrix("audio_proj1"), "audio_proj1_bias", "wide");
  Value* a = f.Narrow("a", f.Gelu("a", u));
  return f.Return(f.Linear("y", a, f.Matrix("audio_proj2"), "audio_proj2_bias", "mid"));
}

}  // namespace

ir::Symbol SoundRows(const AudioTower& tower) {
  return {step_interface::kSoundCount, 1, kChunkRows * tower.window_chunks};
}

absl::Status AddAudio(const AudioTower& tower, const ImportOptions& options, ir::Module* module) {
  RETURN_IF_ERROR(AddWeights(tower, options, module));
  const Model model = {tower, options.precision, module};
  for (const auto add : {AddChunk, AddAttention, AddMlp, AddWindow}) {
    RETURN_IF_ERROR(add(model));
  }
  return absl::OkStatus();
}

}  // namespace lluda::frontends::encoder
