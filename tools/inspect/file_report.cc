#include "tools/inspect/file_report.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/json/json.h"
#include "base/json/json_writer.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "bundle/model_info.h"
#include "bundle/reader.h"
#include "frontends/checkpoint/checkpoint.h"
#include "frontends/gguf/file/gguf_file.h"
#include "frontends/gguf/oddities.h"
#include "frontends/quantised/adopt_quantised.h"
#include "frontends/quantised/scheme.h"

namespace lluda::tools {
namespace {

namespace gguf = frontends::gguf;
namespace quantised = frontends::quantised;
using frontends::Checkpoint;

// Text out of a file, fit for one line and for JSON.
std::string Shown(const std::string& text) {
  return base::QuoteName(base::ReplaceInvalidUtf8(text));
}

void AddTensors(const frontends::TensorFile& file, FileReport* report) {
  for (const frontends::TensorView& tensor : file.tensors()) {
    report->tensors.push_back({Shown(tensor.name), tensor.dtype_name, tensor.shape,
                               static_cast<int64_t>(tensor.bytes), report->files.size() - 1});
  }
}

void SumTypes(FileReport* report) {
  std::map<std::string, FileReport::Type> types;
  for (const FileReport::Tensor& tensor : report->tensors) {
    FileReport::Type& type = types[tensor.type];
    type.type = tensor.type;
    ++type.tensors;
    type.bytes += tensor.bytes;
  }
  for (auto& [name, type] : types) report->types.push_back(std::move(type));
  std::stable_sort(report->types.begin(), report->types.end(),
                   [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
}

std::string TypeOf(const gguf::Entry& entry) {
  const std::string element(gguf::ValueTypeName(entry.element_type));
  return entry.type == gguf::ValueType::kArray ? absl::StrCat("array of ", element) : element;
}

absl::StatusOr<FileReport> InspectGguf(const std::string& path) {
  ASSIGN_OR_RETURN(const gguf::GgufFile file, gguf::GgufFile::Open(path));
  FileReport report;
  report.path = path;
  report.format = absl::StrCat("GGUF ", file.parts()[0].container.version);
  const std::vector<frontends::TensorFile> tensors = file.TensorFiles();
  for (size_t i = 0; i < tensors.size(); ++i) {
    const gguf::GgufFile::Part& part = file.parts()[i];
    report.files.push_back({part.path, static_cast<int64_t>(part.file->bytes().size())});
    AddTensors(tensors[i], &report);
  }
  for (const gguf::Entry& entry : file.parts()[0].container.entries) {
    report.keys.push_back({std::string(entry.key), TypeOf(entry), gguf::DescribeValue(entry)});
  }
  for (const std::string& line : gguf::OdditiesOf(file)) {
    report.odd.push_back(base::ReplaceInvalidUtf8(line));
  }
  SumTypes(&report);
  return report;
}

// Of a quantised folder, how it is quantised and what its matrices become; or why it cannot be run.
void AddQuantisation(const std::string& path, Checkpoint* checkpoint, FileReport* report) {
  const auto config = base::JsonDocument::Load(absl::StrCat(path, "/config.json"));
  if (!config.ok()) return;
  const auto scheme = quantised::ReadScheme(config->root());
  if (scheme.ok() && !scheme->has_value()) return;
  std::vector<std::string> notes;
  const absl::Status status =
      scheme.ok() ? quantised::AdoptQuantised(path, **scheme, checkpoint, &notes) : scheme.status();
  if (!status.ok()) {
    report->odd.emplace_back(status.message());
    return;
  }
  std::map<std::string, int64_t> matrices;  // by what they become
  for (const std::string& name : checkpoint->Names()) {
    const frontends::TensorView& tensor = *checkpoint->Find(name);
    if (checkpoint->DerivedOf(tensor) != nullptr) ++matrices[tensor.dtype_name];
  }
  std::vector<std::string> parts;
  for (const auto& [dtype, count] : matrices) {
    parts.push_back(absl::StrCat(count, count == 1 ? " matrix as " : " matrices as ", dtype));
  }
  report->keys.push_back({"quantization_config", (*scheme)->name, absl::StrJoin(parts, ", ")});
}

absl::StatusOr<FileReport> InspectFolder(const std::string& path) {
  ASSIGN_OR_RETURN(Checkpoint checkpoint, Checkpoint::Open(path));
  FileReport report;
  report.path = path;
  report.format = "safetensors";
  for (const frontends::TensorFile& file : checkpoint.files()) {
    std::error_code ignored;
    const auto bytes = std::filesystem::file_size(file.path(), ignored);
    report.files.push_back({file.path(), static_cast<int64_t>(bytes)});
    AddTensors(file, &report);
  }
  SumTypes(&report);
  AddQuantisation(path, &checkpoint, &report);
  return report;
}

// What a bundle says of itself; its weights are as kernels read them, and no tensors any more.
absl::StatusOr<FileReport> InspectBundle(const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<bundle::Bundle> bundle, bundle::Bundle::Open(path));
  const bundle::ModelInfo& model = bundle->model();
  FileReport report;
  report.path = path;
  report.format = "bundle";
  std::error_code ignored;
  report.files.push_back({path, static_cast<int64_t>(std::filesystem::file_size(path, ignored))});
  const auto text = [&](const char* key, const std::string& value) {
    report.keys.push_back({key, "string", Shown(value)});
  };
  const auto number = [&](const char* key, int64_t value) {
    report.keys.push_back({key, "int", absl::StrCat(value)});
  };
  text("name", model.name);
  text("precision", model.precision);
  text("kv_cache", model.kv_cache);
  text("result", model.result);
  number("context", model.context);
  number("max_step", model.max_step);
  number("weight_bytes", static_cast<int64_t>(bundle->weights().size()));
  number("source_weight_bytes", model.source_weight_bytes);
  if (model.chosen != nullptr) text("weights_chosen_by", model.chosen->budget);
  text("device", bundle->is_for_gpu() ? "gpu" : "cpu");
  text("isa", bundle->isa());
  text("tokenizer", bundle->has_tokenizer() ? "yes" : "no");
  text("chat", model.chat_template_problem.empty() ? "yes" : model.chat_template_problem);
  text("hears", model.sound ? "yes" : "no");
  text("lluda_version", bundle->lluda_version());
  text("llvm_version", bundle->llvm_version());
  return report;
}

// Rows of texts, each column as wide as its widest.
std::string Columns(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line = " ";
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      absl::StrAppendFormat(&line, " %-*s ", static_cast<int>(widths[i]), row[i]);
    }
    absl::StrAppend(&text, line, " ", row.back(), "\n");
  }
  return text;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

}  // namespace

absl::StatusOr<FileReport> InspectFiles(const std::string& path) {
  if (bundle::Bundle::Looks(path)) return InspectBundle(path);
  return gguf::GgufFile::Looks(path) ? InspectGguf(path) : InspectFolder(path);
}

std::string FileReportText(const FileReport& report) {
  int64_t bytes = 0;
  for (const FileReport::File& file : report.files) bytes += file.bytes;
  std::string text = absl::StrCat(report.path, ": ", report.format, ", ", report.keys.size(),
                                  " keys, ", report.tensors.size(), " tensors, ", bytes, " bytes");
  absl::StrAppend(&text, report.files.size() > 1
                             ? absl::StrCat(" in ", report.files.size(), " files\n")
                             : "\n");
  std::vector<std::vector<std::string>> rows;
  const auto section = [&](absl::string_view title) {
    if (!rows.empty()) absl::StrAppend(&text, title, "\n", Columns(rows));
    rows.clear();
  };
  for (const auto& key : report.keys) rows.push_back({key.key, key.type, key.value});
  section("keys");
  for (const auto& tensor : report.tensors) {
    rows.push_back({tensor.name, tensor.type, ShapeText(tensor.shape), absl::StrCat(tensor.bytes)});
  }
  section("tensors");
  for (const auto& type : report.types) {
    rows.push_back({type.type,
                    absl::StrCat(type.tensors, type.tensors == 1 ? " tensor" : " tensors"),
                    absl::StrCat(type.bytes, " bytes")});
  }
  section("types");
  for (const std::string& line : report.odd) rows.push_back({line});
  section("odd");
  return text;
}

std::string FileReportJson(const FileReport& report) {
  base::JsonWriter json;
  json.BeginDocument("lluda.inspect/1");
  json.Key("path").String(report.path).Key("format").String(report.format);
  json.Key("files").BeginArray();
  for (const auto& file : report.files) {
    json.BeginObject().Key("path").String(file.path).Key("bytes").Int(file.bytes).EndObject();
  }
  json.EndArray().Key("keys").BeginArray();
  for (const auto& key : report.keys) {
    json.BeginObject().Key("key").String(key.key).Key("type").String(key.type);
    json.Key("value").String(key.value).EndObject();
  }
  json.EndArray().Key("tensors").BeginArray();
  for (const auto& tensor : report.tensors) {
    json.BeginObject().Key("name").String(tensor.name).Key("type").String(tensor.type);
    json.Key("shape").BeginArray();
    for (const int64_t extent : tensor.shape) json.Int(extent);
    json.EndArray().Key("bytes").Int(tensor.bytes);
    json.Key("file").Int(static_cast<int64_t>(tensor.file)).EndObject();
  }
  json.EndArray().Key("types").BeginArray();
  for (const auto& type : report.types) {
    json.BeginObject().Key("type").String(type.type).Key("tensors").Int(type.tensors);
    json.Key("bytes").Int(type.bytes).EndObject();
  }
  json.EndArray().Key("odd").Strings(report.odd);
  return json.EndDocument();
}

}  // namespace lluda::tools
