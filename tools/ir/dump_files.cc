#include "tools/ir/dump_files.h"

#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "base/files/whole_file.h"
#include "base/json/json_writer.h"
#include "base/status_macros.h"
#include "ir/text/printer.h"

namespace lluda::tools {
namespace {

std::string DumpName(int number, absl::string_view pass) {
  return absl::StrFormat("%02d-%s.lluda", number, pass.empty() ? absl::string_view("input") : pass);
}

}  // namespace

absl::StatusOr<std::vector<DumpFile>> WriteDumps(const std::string& folder,
                                                 const std::vector<std::string>& names,
                                                 passes::PipelineOptions options,
                                                 ir::Module* module) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return absl::UnavailableError(absl::StrCat(folder, ": ", error.message()));
  std::vector<DumpFile> files;
  options.dump = [&](int number, absl::string_view pass, const ir::Module& after) {
    files.push_back(
        {number, std::string(pass), std::filesystem::path(folder) / DumpName(number, pass)});
    return base::WriteFile(files.back().path, ir::PrintModule(after));
  };
  ASSIGN_OR_RETURN(passes::Pipeline pipeline, passes::Pipeline::Create(names, options));
  RETURN_IF_ERROR(pipeline.Run(module));
  return files;
}

std::string DumpFilesJson(const std::vector<DumpFile>& files) {
  base::JsonWriter json;
  json.BeginDocument("lluda.ir_all/1").Key("files").BeginArray();
  for (const DumpFile& file : files) {
    json.BeginObject();
    json.Key("number").Int(file.number);
    json.Key("pass").String(file.pass);
    json.Key("path").String(file.path);
    json.EndObject();
  }
  return json.EndArray().EndDocument();
}

}  // namespace lluda::tools
