#include "tests/support/random_module.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/random.h"
#include "glog/logging.h"
#include "ir/builder.h"
#include "ir/check/verifier.h"
#include "ir/text/printer.h"

namespace lluda::tests {
namespace {

using ir::Attrs;
using ir::Axis;
using ir::DType;
using ir::Extent;
using ir::Global;
using ir::Opcode;
using ir::Operand;
using ir::Type;
using ir::Value;

constexpr char kLayer[] = "layer";
constexpr int kLayers = 2;
constexpr int kTable = 19;  // rows of a table that tokens index

Axis Fixed(std::string name, int64_t extent) { return {std::move(name), Extent::Constant(extent)}; }
Axis Tokens() { return {"tok", Extent::Symbol("T")}; }

class Random {
 public:
  // The streams of neighbouring seeds lie far apart: Below adds another number at each step.
  explicit Random(uint32_t seed) : numbers_((seed + 1) * 0xD1342543DE82EF95ull) {}

  // 0 .. n - 1
  int Below(int n) { return static_cast<int>(numbers_.Next() % static_cast<uint64_t>(n)); }
  bool OneIn(int n) { return Below(n) == 0; }
  template <typename T>
  const T& Of(const std::vector<T>& choices) {
    return choices[Below(static_cast<int>(choices.size()))];
  }

 private:
  base::SplitMix64 numbers_;
};

// Writes one function. The pool holds the f32 values [tok, one axis] that later fragments read.
class FuncWriter {
 public:
  FuncWriter(ir::Module* module, ir::Func* func, Random* random, const RandomModuleOptions& options)
      : module_(module),
        func_(func),
        b_(func),
        random_(*random),
        narrow_(options.narrow),
        compiled_(options.compiled) {}

  ir::Builder& b() { return b_; }

  Value* Param(const char* name, DType dtype, std::vector<Axis> axes) {
    return func_->AddParam(name, Type{dtype, std::move(axes), {}});
  }
  void SetPositions(Value* pos, Value* slot) { pos_ = pos, slot_ = slot; }
  void AddToPool(Value* value) { pool_.push_back(value); }

  void Fragment() {
    using Member = void (FuncWriter::*)();
    static constexpr Member kFragments[] = {
        &FuncWriter::Elementwise, &FuncWriter::BinaryOfTwo,   &FuncWriter::BinaryOfTwo,
        &FuncWriter::RowScale,    &FuncWriter::Round,         &FuncWriter::Norm,
        &FuncWriter::Linear,      &FuncWriter::Siblings,      &FuncWriter::Residual,
        &FuncWriter::Swiglu,      &FuncWriter::SoftmaxOfRows, &FuncWriter::Rope,
        &FuncWriter::Attention,   &FuncWriter::HalvesSwapped, &FuncWriter::ThereAndBack,
        &FuncWriter::SameTwice,   &FuncWriter::Dead,          &FuncWriter::GatherTokens,
        &FuncWriter::TableLookup, &FuncWriter::WeightAlone,   &FuncWriter::PermutedWeight,
        &FuncWriter::Blocks,  // of which there are no kernels
    };
    const size_t count = std::size(kFragments) - (compiled_ ? 1 : 0);
    (this->*kFragments[random_.Below(static_cast<int>(count))])();
  }

  // One value of the type of `like` that depends on up to three values nobody has read yet.
  Value* Finish(Value* like) {
    std::vector<Value*> ends;
    for (size_t i = pool_.size(); i-- > 0 && ends.size() < 3;) {
      if (pool_[i]->uses().empty()) ends.push_back(pool_[i]);
    }
    if (ends.empty()) ends.push_back(pool_.back());
    Value* sum = like;
    for (Value* x : ends) {
      if (Last(x)->name == Last(like)->name) x = MatmulTo(OtherAxis(x), x);
      Value* y = MatmulTo(*Last(like), Narrowed(Normed(x)));
      sum = b_.Binary(Opcode::kAdd, Name("out"), sum, y);
    }
    return sum;
  }

 private:
  std::string Name(absl::string_view prefix) { return absl::StrCat(prefix, next_++); }
  static const Axis* Last(const Value* x) { return &x->type.axes.back(); }
  static int64_t Width(const Value* x) { return Last(x)->extent.value; }

  Value* Any() { return random_.Of(pool_); }
  // One of the last three, so that chains grow.
  Value* Recent() {
    const int count = std::min<int>(3, static_cast<int>(pool_.size()));
    return pool_[pool_.size() - 1 - random_.Below(count)];
  }
  // An axis that no value's axis of `x` is called by.
  Axis OtherAxis(const Value* x) {
    Axis axis = *Last(x);
    while (x->type.HasAxis(axis.name)) {
      const int n = random_.Of<int>({4, 6, 16, 24, 33, 48});
      axis = Fixed(absl::StrCat(random_.OneIn(2) ? "a" : "b", n), n);
    }
    return axis;
  }

  Operand Weight(DType dtype, std::vector<Axis> axes) {
    Global weight;
    weight.name = module_->UniqueGlobalName("w");
    weight.index = func_->index;
    weight.type = {dtype, std::move(axes), {}};
    weight.source = absl::StrCat(weight.name, func_->index ? ".{layer}" : "");
    return {module_->AddGlobal(std::move(weight)), func_->index ? kLayer : ""};
  }
  // out[...] in[...], as checkpoints hold matrices.
  Operand Matrix(Axis out, Axis in) {
    return Weight(random_.Of<DType>({DType::kF32, DType::kBF16, DType::kBF16}),
                  {std::move(out), std::move(in)});
  }

  Value* Normed(Value* x) {
    const DType dtype = random_.OneIn(2) ? DType::kF32 : DType::kBF16;
    return b_.Rmsnorm(Name("n"), x, Weight(dtype, {*Last(x)}), Last(x)->name, 1e-6);
  }
  // Rounded now and then.
  Value* Narrowed(Value* x) {
    if (!narrow_ || random_.OneIn(3)) return x;
    return b_.Cast(Name("c"), x, random_.OneIn(4) ? DType::kF16 : DType::kBF16);
  }
  Value* Biased(Value* x) {
    return b_.Binary(Opcode::kAdd, Name("bi"), x, Weight(DType::kF32, {*Last(x)}));
  }
  Value* MatmulTo(Axis out, Value* x) {
    return b_.Matmul(Name("m"), x, Matrix(std::move(out), *Last(x)), Last(x)->name);
  }

  void Elementwise() {
    Value* x = Recent();
    switch (random_.Below(6)) {
      case 0:
        return AddToPool(b_.Unary(Opcode::kSilu, Name("silu"), x));
      case 1:
        return AddToPool(b_.Unary(Opcode::kSin, Name("sin"), x));
      case 2:
        return AddToPool(b_.Unary(Opcode::kCos, Name("cos"), x));
      case 3:  // of at most 1, so that it stays small
        return AddToPool(b_.Unary(Opcode::kExp, Name("exp"), b_.Unary(Opcode::kSin, Name("s"), x)));
      case 4:
        return AddToPool(
            b_.Unary(Opcode::kReciprocal, Name("r"),
                     b_.Unary(Opcode::kExp, Name("e"), b_.Unary(Opcode::kCos, Name("c"), x))));
      default:
        return AddToPool(b_.Scale(Name("by"), x, random_.OneIn(3) ? 1.0 : 0.37));
    }
  }

  void BinaryOfTwo() {
    Value* x = Recent();
    for (int tries = 0; tries < 8; ++tries) {
      Value* y = Any();
      if (y->type != x->type) continue;
      const Opcode op = random_.Of<Opcode>({Opcode::kAdd, Opcode::kSub, Opcode::kMul});
      return AddToPool(b_.Binary(op, Name("bin"), x, y));
    }
  }

  // x * max or x / (1 + sum of squares), per token.
  void RowScale() {
    Value* x = Recent();
    if (random_.OneIn(2)) {
      Value* most = b_.Reduce(Opcode::kReduceMax, Name("max"), x, Last(x)->name);
      return AddToPool(b_.Binary(Opcode::kMul, Name("rows"), x, most));
    }
    Value* square = b_.Binary(Opcode::kMul, Name("sq"), x, x);
    Value* sum = b_.Reduce(Opcode::kReduceSum, Name("sum"), square, Last(x)->name);
    Value* wave = b_.Unary(Opcode::kExp, Name("ew"), b_.Unary(Opcode::kCos, Name("cw"), x));
    Value* total = b_.Binary(Opcode::kAdd, Name("tot"), wave, sum);
    AddToPool(b_.Binary(Opcode::kDiv, Name("div"), x, total));
  }

  void Round() {
    if (!narrow_) return;
    Value* rounded = b_.Cast(Name("c"), Recent(), random_.OneIn(3) ? DType::kF16 : DType::kBF16);
    AddToPool(b_.Cast(Name("wide"), rounded, DType::kF32));
  }

  void Norm() { AddToPool(Normed(Recent())); }

  void Linear() {
    Value* x = Narrowed(Recent());
    Value* y = MatmulTo(OtherAxis(x), x);
    if (narrow_ && random_.OneIn(3)) {
      y = b_.Cast(Name("w"), b_.Cast(Name("c"), y, DType::kBF16), DType::kF32);
    }
    AddToPool(y);
  }

  // Several matmuls of one value, as q, k and v are.
  void Siblings() {
    Value* x = Narrowed(Normed(Recent()));
    const int count = 2 + random_.Below(2);
    const DType dtype = random_.OneIn(2) ? DType::kF32 : DType::kBF16;
    for (int i = 0; i < count; ++i) {
      // The same axis twice would be the same name with one extent: fine, but seldom merged.
      const Operand matrix = Weight(dtype, {OtherAxis(x), *Last(x)});
      AddToPool(b_.Matmul(Name("sib"), x, matrix, Last(x)->name));
    }
  }

  void Residual() {
    Value* x = Recent();
    Value* inner = Narrowed(MatmulTo(OtherAxis(x), Narrowed(x)));
    Value* y = MatmulTo(*Last(x), inner);
    if (random_.OneIn(3)) y = Biased(y);
    AddToPool(random_.OneIn(2) ? b_.Binary(Opcode::kAdd, Name("res"), x, y)
                               : b_.Binary(Opcode::kAdd, Name("res"), y, x));
  }

  void Swiglu() {
    Value* x = Recent();
    Value* h = Narrowed(Normed(x));
    const DType dtype = random_.OneIn(2) ? DType::kF32 : DType::kBF16;
    const Axis wide = OtherAxis(x);
    Value* gate = b_.Matmul(Name("gate"), h, Weight(dtype, {wide, *Last(x)}), Last(x)->name);
    Value* up = b_.Matmul(Name("up"), h, Weight(dtype, {wide, *Last(x)}), Last(x)->name);
    Value* a = b_.Unary(Opcode::kSilu, Name("act"), random_.OneIn(5) ? up : gate);
    Value* m = b_.Binary(Opcode::kMul, Name("m"), a, up);
    Value* y = MatmulTo(*Last(x), Narrowed(m));
    AddToPool(b_.Binary(Opcode::kAdd, Name("mlp"), x, y));
  }

  Value* Softmax(Value* x, const std::string& over) {
    Value* most = b_.Reduce(Opcode::kReduceMax, Name("mx"), x, over);
    Value* e = b_.Unary(Opcode::kExp, Name("e"), b_.Binary(Opcode::kSub, Name("d"), x, most));
    Value* sum = b_.Reduce(Opcode::kReduceSum, Name("z"), e, over);
    return b_.Binary(Opcode::kDiv, Name("p"), e, sum);
  }
  void SoftmaxOfRows() {
    Value* x = Recent();
    AddToPool(Softmax(x, Last(x)->name));
  }

  // cos and sin of each token's angles; made anew every time, for CSE to find.
  std::pair<Value*, Value*> Angles(const Axis& pair) {
    ir::Attrs iota, power;
    iota.step = 1.0 / static_cast<double>(pair.extent.value);
    iota.result_axes = {pair};
    power.base = 10000;
    Value* exponent = b_.Add(Opcode::kIota, Name("i"), {}, iota);
    Value* wavelength = b_.Add(Opcode::kPower, Name("wl"), {exponent}, power);
    Value* frequency = b_.Unary(Opcode::kReciprocal, Name("fr"), wavelength);
    Value* position = b_.Cast(Name("ps"), pos_, DType::kF32);
    Value* angle = b_.Binary(Opcode::kMul, Name("an"), position, frequency);
    return {b_.Unary(Opcode::kCos, Name("cos"), angle), b_.Unary(Opcode::kSin, Name("sin"), angle)};
  }

  // Over the last axis, which is even.
  Value* Rotated(Value* x) {
    const Axis axis = *Last(x);
    const int64_t half = axis.extent.value / 2;
    const Axis pair = Fixed(absl::StrCat("pair", half), half);
    auto [cos, sin] = Angles(pair);
    Value* a = b_.Slice(Name("lo"), x, axis.name, 0, half, {pair});
    Value* b = b_.Slice(Name("hi"), x, axis.name, half, 2 * half, {pair});
    if (random_.OneIn(6)) std::swap(cos, sin);  // no rotation by that angle, a near miss
    Value* t0 = b_.Binary(Opcode::kMul, Name("t"), a, cos);
    Value* t1 = b_.Binary(Opcode::kMul, Name("t"), b, sin);
    Value* lo = b_.Binary(random_.OneIn(6) ? Opcode::kAdd : Opcode::kSub, Name("r"), t0, t1);
    Value* t2 = b_.Binary(Opcode::kMul, Name("t"), b, cos);
    Value* t3 = b_.Binary(Opcode::kMul, Name("t"), a, sin);
    Value* hi = b_.Binary(Opcode::kAdd, Name("r"), t2, t3);
    return b_.Concat(Name("rot"), {lo, hi}, {pair.name}, axis);
  }

  void Rope() {
    Value* x = Recent();
    if (Width(x) % 4 == 0 && random_.OneIn(2)) {  // two heads
      const int64_t dim = Width(x) / 2;
      Value* heads = b_.Split(Name("hd"), x, Last(x)->name,
                              {Fixed("head", 2), Fixed(absl::StrCat("dim", dim), dim)});
      Value* y = Rotated(heads);
      return AddToPool(
          b_.Merge(Name("mg"), y, {y->type.axes[1].name, y->type.axes[2].name}, *Last(x)));
    }
    if (Width(x) % 2 == 0) AddToPool(Rotated(x));
  }

  void Attention() {
    Value* x = Recent();
    Value* h = Normed(x);
    const int64_t kv = 1 + random_.Below(2), rep = 1 + random_.Below(3);
    const int64_t dim = random_.Of<int64_t>({16, 32, 48});  // compiled: multiples of 16 only
    const DType cache = narrow_ ? DType::kBF16 : DType::kF32;
    const Axis heads = Fixed("kv", kv), group = Fixed("rep", rep), depth = Fixed("dim", dim);
    const DType dtype = random_.OneIn(2) ? DType::kF32 : DType::kBF16;
    const bool biases = random_.OneIn(3);  // as Qwen2 has them
    const auto project = [&](const char* axis, int64_t width, std::vector<Axis> to) {
      const Operand matrix = Weight(dtype, {Fixed(axis, width), *Last(h)});
      Value* y = b_.Matmul(Name("prj"), h, matrix, Last(h)->name);
      if (biases) y = Biased(y);
      return b_.Split(Name("hd"), y, axis, std::move(to));
    };
    const auto stored = [&](Value* y) {
      return narrow_ ? b_.Cast(Name("st"), y, DType::kBF16) : y;
    };
    const auto state = [&] {
      Global global;
      global.kind = Global::Kind::kState;
      global.name = module_->UniqueGlobalName("cache");
      global.index = func_->index;
      global.type = {
          cache, {{"slot", Extent::Symbol("S")}, heads, {"pos", Extent::Symbol("C")}, depth}, {}};
      return Operand(module_->AddGlobal(std::move(global)), func_->index ? kLayer : "");
    };
    const bool norms = !random_.OneIn(3);  // as Qwen3 has them, and others do not
    const auto turned = [&](Value* y) { return stored(Rotated(norms ? Normed(y) : y)); };
    Value* q = turned(project("q", kv * rep * dim, {heads, group, depth}));
    Value* k = turned(project("kd", kv * dim, {heads, depth}));
    Value* v = stored(project("vd", kv * dim, {heads, depth}));
    Value* ks = b_.Append(Name("ks"), state(), k, {"slot", "pos"}, slot_, pos_);
    Value* vs = b_.Append(Name("vs"), state(), v, {"slot", "pos"}, slot_, pos_);
    Value* kx = b_.Gather(Name("kx"), ks, slot_, "slot");
    Value* vx = b_.Gather(Name("vx"), vs, slot_, "slot");
    Value* s = b_.Matmul(Name("sc"), q, kx, "dim");
    if (!random_.OneIn(6)) s = b_.Scale(Name("sc"), s, 0.25);
    s = b_.CausalMask(Name("sm"), s, "pos", pos_);
    Value* o = b_.Matmul(Name("o"), Softmax(s, "pos"), vx, "pos");
    Value* flat =
        Narrowed(b_.Merge(Name("mg"), o, {"kv", "rep", "dim"}, Fixed("q", kv * rep * dim)));
    Value* y = MatmulTo(*Last(x), flat);
    AddToPool(b_.Binary(Opcode::kAdd, Name("at"), x, y));
  }

  void HalvesSwapped() {
    Value* x = Recent();
    if (Width(x) % 2 != 0) return;
    const int64_t half = Width(x) / 2;
    const Axis part = Fixed(absl::StrCat("half", half), half);
    Value* a = b_.Slice(Name("ha"), x, Last(x)->name, 0, half, {part});
    Value* b = b_.Slice(Name("hb"), x, Last(x)->name, half, 2 * half, {part});
    AddToPool(b_.Concat(Name("sw"), {b, a}, {part.name}, *Last(x)));
  }

  // Views that cancel out, and one slice of all elements.
  void ThereAndBack() {
    Value* x = Recent();
    const Axis axis = *Last(x);
    if (random_.OneIn(3)) {
      return AddToPool(b_.Slice(Name("all"), x, axis.name, 0, Width(x), {axis}));
    }
    if (Width(x) % 2 != 0) return;
    Value* y = b_.Split(Name("sp"), x, axis.name, {Fixed("y2", 2), Fixed("z", Width(x) / 2)});
    if (random_.OneIn(2)) {
      y = b_.Permute(Name("pm"), y, {"y2", "tok", "z"});
      y = b_.Unary(Opcode::kSin, Name("sn"), y);
      y = b_.Permute(Name("pm"), y, {"tok", "y2", "z"});
    }
    AddToPool(b_.Merge(Name("mg"), y, {"y2", "z"}, axis));
  }

  void SameTwice() {
    Value* x = Recent();
    const Opcode op = random_.Of<Opcode>({Opcode::kSin, Opcode::kSilu});
    Value* a = b_.Unary(op, Name("tw"), x);
    Value* b = b_.Unary(op, Name("tw"), x);
    AddToPool(b_.Binary(Opcode::kMul, Name("both"), a, b));
  }

  void Dead() {
    b_.Reduce(Opcode::kReduceSum, Name("dead"), b_.Unary(Opcode::kCos, Name("dead"), Any()), "tok");
  }

  // Other tokens' rows: every position is also the index of a token.
  void GatherTokens() { AddToPool(b_.Gather(Name("gt"), Recent(), pos_, "tok")); }

  void TableLookup() {
    const Axis axis = OtherAxis(pos_);
    const DType dtype = random_.OneIn(2) ? DType::kF32 : DType::kBF16;
    const Operand table = Weight(dtype, {Fixed("row", kTable), axis});
    Value* x = b_.Gather(Name("tl"), table, pos_, "row");
    if (dtype != DType::kF32) x = b_.Cast(Name("tw"), x, DType::kF32);
    AddToPool(x);
    if (!random_.OneIn(3)) return;
    // The table as a head, too: what a tied embedding is.
    Value* logits = b_.Matmul(Name("tied"), Normed(x), table, axis.name);
    Value* back = b_.Matmul(Name("tb"), Softmax(logits, "row"), table, "row");
    AddToPool(b_.Binary(Opcode::kAdd, Name("tr"), x, back));
  }

  // What is hoisted: sin(w) + v, the same for every token.
  void WeightAlone() {
    Value* x = Recent();
    Value* a = b_.Unary(Opcode::kSin, Name("wa"), Weight(DType::kF32, {*Last(x)}));
    Value* sum = b_.Binary(Opcode::kAdd, Name("wb"), a, Weight(DType::kF32, {*Last(x)}));
    AddToPool(b_.Binary(Opcode::kMul, Name("wx"), x, sum));
  }

  // x as i8 with a scale per block.
  Value* Quantized(const Operand& x, Value** scales) {
    Attrs over;
    over.axes = {"num"};
    *scales = b_.Add(Opcode::kQuantizeScale, Name("qs"), {x}, over);
    return b_.Add(Opcode::kQuantize, Name("qn"), {x, *scales}, {});
  }

  // A row in two blocks times a matrix in blocks: block by block as integers, then scaled and added
  // up, or over both axes at once.
  void Blocks() {
    Value* x = Recent();
    if (Width(x) % 2 != 0) return Elementwise();
    const Axis blk = Fixed("blk", 2), in = Fixed("num", Width(x) / 2), out = OtherAxis(x);
    Value* xb = b_.Split(Name("xb"), x, Last(x)->name, {blk, in});
    const Operand w = Weight(DType::kF32, {out, blk, in});
    if (random_.OneIn(2)) {
      std::vector<std::string> over = {blk.name, in.name};
      if (random_.OneIn(2)) std::swap(over[0], over[1]);
      AddToPool(b_.Matmul(Name("mb"), Narrowed(xb), w, std::move(over)));
      return;
    }
    Value *x_scales, *w_scales;
    Value* x_numbers = Quantized(xb, &x_scales);
    Value* w_numbers = Quantized(w, &w_scales);
    Value* sums = b_.Matmul(Name("is"), x_numbers, w_numbers, in.name);
    Value* y = b_.Binary(Opcode::kMul, Name("sx"), b_.Cast(Name("f"), sums, DType::kF32), x_scales);
    y = b_.Binary(Opcode::kMul, Name("sw"), y, w_scales);
    AddToPool(b_.Reduce(Opcode::kReduceSum, Name("sb"), y, blk.name));
  }

  // A matrix the other way round, as the LM head of the importer is.
  void PermutedWeight() {
    Value* x = Narrowed(Recent());
    const Axis out = OtherAxis(x);
    Value* w = b_.Permute(Name("pw"), Matrix(out, *Last(x)), {Last(x)->name, out.name});
    AddToPool(b_.Matmul(Name("px"), x, w, Last(x)->name));
  }

  ir::Module* module_;
  ir::Func* func_;
  ir::Builder b_;
  Random& random_;
  bool narrow_;
  bool compiled_;
  std::vector<Value*> pool_;
  Value* pos_ = nullptr;
  Value* slot_ = nullptr;
  int next_ = 0;
};

void Return(FuncWriter* writer, ir::Func* func, Value* value) {
  func->result_type = value->type;
  writer->b().Return(value);
  CHECK(writer->b().status().ok()) << writer->b().status();
}

ir::Func* AddLayer(ir::Module* module, const Type& type, Random* random,
                   const RandomModuleOptions& options) {
  ir::Func* func = module->AddFunc("block");
  func->index = ir::Index{kLayer, kLayers};
  FuncWriter writer(module, func, random, options);
  Value* x = writer.Param("x", type.dtype, type.axes);
  Value* pos = writer.Param("pos", DType::kI32, {Tokens()});
  Value* slot = writer.Param("slot", DType::kI32, {Tokens()});
  writer.SetPositions(pos, slot);
  writer.AddToPool(x);
  for (int i = 0; i < options.fragments / 2; ++i) writer.Fragment();
  Return(&writer, func, writer.Finish(x));
  return func;
}

}  // namespace

RandomModule MakeRandomModule(uint32_t seed, const RandomModuleOptions& options) {
  Random random(seed);
  RandomModule result;
  result.module = std::make_unique<ir::Module>("random");
  ir::Module* module = result.module.get();
  module->symbols = {{"T", 1, 16}, {"S", 1, 4}, {"C", 64, 128}};
  const int width = random.Of<int>({4, 6, 16, 24, 33, 48});
  const Type type{DType::kF32, {Tokens(), Fixed(absl::StrCat("a", width), width)}, {}};
  ir::Func* layer = random.OneIn(2) ? AddLayer(module, type, &random, options) : nullptr;

  ir::Func* func = module->AddFunc("f");
  FuncWriter writer(module, func, &random, options);
  Value* x = writer.Param("x", type.dtype, type.axes);
  Value* pos = writer.Param("pos", DType::kI32, {Tokens()});
  Value* slot = writer.Param("slot", DType::kI32, {Tokens()});
  writer.SetPositions(pos, slot);
  writer.AddToPool(x);
  for (int i = 0; i < options.fragments / 2; ++i) writer.Fragment();
  Value* last = writer.Finish(x);
  if (layer != nullptr) {
    // plan-memory wants the loop to be its initial value's only reader.
    Value* first = writer.b().Scale("first", last, 0.7);
    ir::Op* loop = writer.b().For("loop", kLayer, 0, kLayers, "c", first);
    ir::Builder body(loop->body.get());
    body.Yield(body.Call("y", layer, kLayer, {loop->carried.get(), pos, slot}));
    CHECK(body.status().ok()) << body.status();
    writer.AddToPool(loop->result());
  } else {
    writer.AddToPool(last);
  }
  for (int i = 0; i < options.fragments / 2; ++i) writer.Fragment();
  Return(&writer, func, writer.Finish(x));
  const absl::Status verified = ir::Verify(*module);
  CHECK(verified.ok()) << verified << "\n" << ir::PrintModule(*module);

  // Tokens of the slots take turns, and each slot's positions count up.
  const int slots = 1 + random.Below(3), tokens = 1 + random.Below(11);
  result.dims = {{"T", tokens}, {"S", slots}, {"C", 64}};
  result.run.seed = seed;
  result.run.weight_spread = 0.2f;
  for (int i = 0; i < tokens; ++i) {
    result.run.integers["pos"].push_back(i / slots);
    result.run.integers["slot"].push_back(i % slots);
  }
  return result;
}

}  // namespace lluda::tests
