// lluda_opt: text in, passes, text out. The test driver of the passes, and a way to try one.
//
//   lluda_opt --passes=fuse-rope,dce model.lluda
//   lluda ir MODEL | lluda_opt --passes=default --dump-dir=/tmp/dumps -
//
// The module goes to stdout; reports and errors go to stderr. Exit code 0, 1 when the module or a
// pass fails, 2 when the command line is wrong.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "passes/place/plan_memory.h"
#include "passes/registry.h"
#include "re2/re2.h"

namespace lluda::passes {
namespace {

struct Flags {
  std::string input;
  std::string passes = "rest";
  std::string dump_dir;
  std::string dump_filter = ".*";
  int64_t hoist_byte_limit = HoistWeightOps::kNoLimit;
  bool list_passes = false;
  bool memory_plan = false;
  bool misses = false;
  bool timing = false;
};

absl::StatusOr<std::string> ReadInput(const std::string& name) {
  std::ifstream file;
  if (name != "-") {
    file.open(name, std::ios::binary);
    if (!file) return absl::NotFoundError(absl::StrCat(name, ": cannot be read"));
  }
  std::istream& in = name == "-" ? std::cin : file;
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (in.bad()) return absl::DataLossError(absl::StrCat(name, ": reading failed"));
  return text;
}

absl::Status WriteDump(const Flags& flags, int number, absl::string_view pass,
                       const ir::Module& module) {
  const std::string name =
      absl::StrFormat("%02d-%s.lluda", number, pass.empty() ? absl::string_view("input") : pass);
  if (!RE2::PartialMatch(name, flags.dump_filter)) return absl::OkStatus();
  std::error_code error;
  std::filesystem::create_directories(flags.dump_dir, error);
  const std::string path = (std::filesystem::path(flags.dump_dir) / name).string();
  std::ofstream file(path, std::ios::binary);
  file << ir::PrintModule(module);
  file.close();
  if (!file) return absl::UnavailableError(absl::StrCat(path, ": cannot be written"));
  return absl::OkStatus();
}

void PrintReports(const Flags& flags, const std::vector<PassReport>& reports) {
  for (const PassReport& report : reports) {
    if (flags.timing) {
      std::cerr << absl::StrFormat("%2d %-18s %8.3f ms%s\n", report.number, report.pass,
                                   report.seconds * 1e3, report.changed ? "" : "  (unchanged)");
    }
    if (!flags.misses) continue;
    for (const Miss& miss : report.misses) {
      std::cerr << report.pass << ": @" << miss.func << ": %" << miss.statement << ": "
                << miss.reason << "\n";
    }
  }
}

absl::Status Optimize(const Flags& flags) {
  ASSIGN_OR_RETURN(std::string text, ReadInput(flags.input));
  ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> module, ir::ParseModule(text, flags.input));

  absl::StatusOr<std::vector<std::string>> names = PassesOf(flags.passes, *module);
  if (!names.ok()) {
    return absl::Status(names.status().code(),
                        absl::StrCat(flags.input, ": ", names.status().message()));
  }
  PipelineOptions options;
  options.passes.hoist_byte_limit = flags.hoist_byte_limit;
  options.check_reports = true;
  if (!flags.dump_dir.empty()) {
    options.dump = [&](int number, absl::string_view pass, const ir::Module& m) {
      return WriteDump(flags, number, pass, m);
    };
  }
  ASSIGN_OR_RETURN(Pipeline pipeline, Pipeline::Create(*names, std::move(options)));
  absl::StatusOr<std::vector<PassReport>> reports = pipeline.Run(module.get());
  if (!reports.ok()) {
    return absl::Status(reports.status().code(),
                        absl::StrCat(flags.input, ": ", reports.status().message()));
  }
  PrintReports(flags, *reports);
  std::string output = ir::PrintModule(*module);
  if (flags.memory_plan) {
    ASSIGN_OR_RETURN(output, PrintMemoryPlan(*module));
  }
  std::cout << output << std::flush;
  return std::cout ? absl::OkStatus() : absl::UnavailableError("stdout: cannot be written");
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Runs passes on a module in text form and prints the result.", "lluda_opt");
  app.add_option("input", flags.input, "File to read; - for stdin");
  app.add_option(
         "--passes", flags.passes,
         "Passes by name, separated by commas; 'default' is the whole pipeline, 'rest' what "
         "of it the module has not gone through")
      ->capture_default_str();
  app.add_option("--dump-dir", flags.dump_dir,
                 "Folder for NN-<pass>.lluda, the module after each pass that changed it");
  app.add_option("--dump-filter", flags.dump_filter, "Only dumps whose name matches this regex")
      ->capture_default_str();
  app.add_option("--hoist-byte-limit", flags.hoist_byte_limit,
                 "Most bytes that hoist-weight-ops may add");
  app.add_flag("--list-passes", flags.list_passes, "Print the names of all passes and stop");
  app.add_flag("--memory-plan", flags.memory_plan, "Print the memory plan instead of the module");
  app.add_flag("--misses", flags.misses, "Say on stderr why near misses were left alone");
  app.add_flag("--timing", flags.timing, "Print each pass's time on stderr");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (flags.list_passes) {
    std::cout << absl::StrJoin(AllPassNames(), "\n") << "\n";
    return 0;
  }
  if (flags.input.empty()) {
    std::cerr << "lluda_opt: names no input; use - for stdin\n";
    return 2;
  }
  if (!RE2(flags.dump_filter, RE2::Quiet).ok()) {
    std::cerr << "lluda_opt: --dump-filter: '" << flags.dump_filter << "' is no regex\n";
    return 2;
  }
  const absl::Status status = Optimize(flags);
  if (status.ok()) return 0;
  std::cerr << "lluda_opt: " << status.message() << "\n";
  return 1;
}

}  // namespace
}  // namespace lluda::passes

int main(int argc, char** argv) { return lluda::passes::Main(argc, argv); }
