// lluda ir: a model's module as text, at any point of the pipeline. Needs config.json; weights only
// for their dtypes, and not even for those if the config names one.
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "bundle/reader.h"
#include "cli/commands.h"
#include "cli/model_flags.h"
#include "cli/output.h"
#include "engine/model_files.h"
#include "ir/printer.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"

namespace lluda::cli {
namespace {

std::vector<std::string> PassNames(const std::string& list) {
  std::vector<std::string> names;
  for (absl::string_view name : absl::StrSplit(list, ',', absl::SkipEmpty())) {
    if (name == "default") {
      for (std::string& pass : passes::DefaultPipeline()) names.push_back(std::move(pass));
    } else {
      names.emplace_back(name);
    }
  }
  return names;
}

// How many of the passes to run so that `after` is the last one.
absl::StatusOr<size_t> CountUpTo(const std::vector<std::string>& names, const std::string& after) {
  size_t number = 0;
  if (absl::SimpleAtoi(after, &number) && number >= 1 && number <= names.size()) return number;
  for (size_t i = names.size(); i > 0; --i) {
    if (names[i - 1] == after) return i;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--after: '", after, "' is none of the passes: ", absl::StrJoin(names, ", ")));
}

absl::Status Dump(const std::string& folder, int number, absl::string_view pass,
                  const ir::Module& module) {
  const std::string name =
      absl::StrFormat("%02d-%s.lluda", number, pass.empty() ? absl::string_view("input") : pass);
  return WriteFile((std::filesystem::path(folder) / name).string(), ir::PrintModule(module));
}

// Of a bundle only the module that was compiled is there.
absl::StatusOr<int> PrintBundle(const IrFlags& flags) {
  if (flags.before || !flags.after.empty() || !flags.all_folder.empty() ||
      flags.passes != "default") {
    return absl::InvalidArgumentError(
        absl::StrCat(flags.model.model, ": a bundle has the module after all passes only"));
  }
  absl::StatusOr<std::unique_ptr<bundle::Bundle>> bundle = bundle::Bundle::Open(flags.model.model);
  if (!bundle.ok()) return bundle.status();
  absl::StatusOr<absl::string_view> text = (*bundle)->Ir();
  if (!text.ok()) return text.status();
  if (absl::Status status = WriteStdout(*text); !status.ok()) return status;
  return 0;
}

}  // namespace

absl::StatusOr<int> RunIr(const IrFlags& flags) {
  if (bundle::Bundle::Looks(flags.model.model)) return PrintBundle(flags);
  std::vector<std::string> names = PassNames(flags.passes);
  if (flags.before) names.clear();
  if (!flags.after.empty()) {
    absl::StatusOr<size_t> count = CountUpTo(names, flags.after);
    if (!count.ok()) return count.status();
    names.resize(*count);
  }
  passes::PipelineOptions options;
  if (!flags.all_folder.empty()) {
    std::error_code error;
    std::filesystem::create_directories(flags.all_folder, error);
    if (error) {
      return absl::UnavailableError(absl::StrCat(flags.all_folder, ": ", error.message()));
    }
    options.dump = [&](int number, absl::string_view pass, const ir::Module& module) {
      return Dump(flags.all_folder, number, pass, module);
    };
  }
  absl::StatusOr<passes::Pipeline> pipeline = passes::Pipeline::Create(names, options);
  if (!pipeline.ok()) return pipeline.status();

  absl::StatusOr<std::string> folder = ModelFolder(flags.model.model);
  if (!folder.ok()) return folder.status();
  absl::StatusOr<engine::ModelFiles> files =
      engine::OpenModelFiles(*folder, engine::Weights::kOptional);
  if (!files.ok()) return files.status();
  absl::StatusOr<engine::ModuleOptions> module_options = ModuleOptionsOf(flags.model);
  if (!module_options.ok()) return module_options.status();
  absl::StatusOr<std::unique_ptr<ir::Module>> module =
      engine::ImportModule(*files, *module_options);
  if (!module.ok()) return module.status();
  if (auto reports = pipeline->Run(module->get()); !reports.ok()) return reports.status();
  if (!flags.all_folder.empty()) return 0;
  if (absl::Status status = WriteStdout(ir::PrintModule(**module)); !status.ok()) return status;
  return 0;
}

}  // namespace lluda::cli
