#include "tests/support/real_model.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "base/status_macros.h"
#include "engine/source/open_model_source.h"
#include "frontends/checkpoint/checkpoint.h"
#include "frontends/checkpoint/read_weight.h"

namespace lluda::tests {
namespace {

ir::Tensor Ints(const char* axis, std::vector<int64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  return ir::Tensor::OfInts({ir::DType::kI32, {{axis, ir::Extent::Constant(count)}}, {}},
                            std::move(values));
}

}  // namespace

std::string NameOf(const Numbers& numbers) {
  const auto& [precision, kv_cache] = numbers;
  std::string name(engine::PrecisionName(precision));
  if (kv_cache == engine::KvCache::kInt8) name += "_int8";
  return name;
}

StepInputs WholePrompt(absl::Span<const int32_t> tokens) {
  StepInputs inputs;
  inputs.tokens.assign(tokens.begin(), tokens.end());
  inputs.positions.resize(tokens.size());
  std::iota(inputs.positions.begin(), inputs.positions.end(), 0);
  inputs.slots.assign(tokens.size(), 0);
  inputs.rows = inputs.positions;
  return inputs;
}

absl::StatusOr<std::unique_ptr<RealModel>> RealModel::Open(const std::string& path,
                                                           engine::Precision precision,
                                                           engine::KvCache kv_cache) {
  std::unique_ptr<RealModel> model(new RealModel());
  ASSIGN_OR_RETURN(model->source_, engine::OpenModelSource(path));
  ASSIGN_OR_RETURN(model->files_, model->source_->Files(engine::Weights::kRequired));
  engine::ModuleOptions options;
  options.precision = precision;
  options.kv_cache = kv_cache;
  ASSIGN_OR_RETURN(model->module_, engine::ImportModule(*model->files_, options));
  return model;
}

absl::StatusOr<ir::Interpreter> RealModel::Interpret(const ir::Module* module,
                                                     int64_t slots) const {
  ir::Environment environment;
  environment.symbols = {{"S", slots}, {"C", module->FindSymbol("C")->min}};
  environment.weights = [this](const ir::Global& weight,
                               int64_t index) -> absl::StatusOr<ir::Tensor> {
    return frontends::ReadWeight(checkpoint(), weight, index);
  };
  ASSIGN_OR_RETURN(ir::Interpreter interpreter, ir::Interpreter::Create(module, environment));
  RETURN_IF_ERROR(interpreter.RunLoad());
  return interpreter;
}

absl::StatusOr<ir::Tensor> RunStep(ir::Interpreter* interpreter, const StepInputs& inputs) {
  return interpreter->Call("step", {Ints("tok", inputs.tokens), Ints("tok", inputs.positions),
                                    Ints("tok", inputs.slots), Ints("row", inputs.rows)});
}

double Nmse(absl::Span<const float> a, absl::Span<const float> b) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (a.size() != b.size()) return kInfinity;
  double error = 0, norm = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    error += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    norm += double{b[i]} * b[i];
  }
  const double nmse = error / norm;
  return std::isfinite(nmse) ? nmse : kInfinity;
}

}  // namespace lluda::tests
