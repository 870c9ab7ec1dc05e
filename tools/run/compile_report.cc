#include "tools/run/compile_report.h"

#include <filesystem>
#include <memory>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/json/json_writer.h"
#include "base/status_macros.h"
#include "bundle/reader.h"

namespace lluda::tools {
namespace {

absl::StatusOr<WrittenFile> FileAt(const std::string& path) {
  std::error_code error;
  const uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error) return absl::UnavailableError(absl::StrCat(path, ": ", error.message()));
  return WrittenFile{path, static_cast<int64_t>(bytes)};
}

void AddFile(const WrittenFile& file, base::JsonWriter* json) {
  json->BeginObject();
  json->Key("path").String(file.path);
  json->Key("bytes").Int(file.bytes);
  json->EndObject();
}

}  // namespace

absl::StatusOr<CompileReport> ReportOf(const engine::BundleOutputs& outputs) {
  CompileReport report;
  ASSIGN_OR_RETURN(std::unique_ptr<bundle::Bundle> bundle, bundle::Bundle::Open(outputs.bundle));
  report.model = bundle->model();
  report.isa = bundle->isa();
  report.packed_bytes = static_cast<int64_t>(bundle->weights().size());
  ASSIGN_OR_RETURN(report.bundle, FileAt(outputs.bundle));
  if (!outputs.object.empty()) {
    ASSIGN_OR_RETURN(report.object, FileAt(outputs.object));
  }
  if (!outputs.header.empty()) {
    ASSIGN_OR_RETURN(report.header, FileAt(outputs.header));
  }
  return report;
}

std::string CompileJson(const CompileReport& report) {
  base::JsonWriter json;
  json.BeginDocument("lluda.compile/1");
  json.Key("model").String(report.model.name);
  json.Key("precision").String(report.model.precision);
  json.Key("kv_cache").String(report.model.kv_cache);
  json.Key("context").Int(report.model.context);
  json.Key("max_step").Int(report.model.max_step);
  json.Key("isa").String(report.isa);
  json.Key("weight_bytes").Int(report.model.source_weight_bytes);
  json.Key("packed_bytes").Int(report.packed_bytes);
  AddFile(report.bundle, &json.Key("bundle"));
  if (report.object) AddFile(*report.object, &json.Key("object"));
  if (report.header) AddFile(*report.header, &json.Key("header"));
  return json.EndDocument();
}

}  // namespace lluda::tools
