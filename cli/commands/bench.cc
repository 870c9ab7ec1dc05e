// lluda bench: how fast a model runs, and how far that is from what the machine can do.
#include <iostream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files/whole_file.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "tools/bench/bench_model.h"
#include "tools/bench/bench_result.h"
#include "tools/bench/bench_sound.h"
#include "tools/bench/bench_sound_result.h"
#include "tools/ir/keep_entry.h"

namespace lluda::cli {

namespace {

// What --json says: not nothing, nor stdout.
bool IsFile(const std::string& json_file) { return !json_file.empty() && json_file != "-"; }

// Prints the text or the document, and writes the latter if a file is named.
absl::Status Tell(const BenchFlags& flags, const std::string& text, const std::string& json,
                  const std::string& warning) {
  const bool only_json = flags.json_file == "-";
  RETURN_IF_ERROR(WriteStdout(only_json ? json : text));
  if (IsFile(flags.json_file)) RETURN_IF_ERROR(base::WriteFile(flags.json_file, json));
  if (!warning.empty()) std::cerr << "lluda: warning: " << warning << "\n";
  return absl::OkStatus();
}

absl::StatusOr<int> RunSoundBench(const BenchFlags& flags) {
  constexpr int64_t kUsualSeconds = 30;
  tools::SoundBenchOptions bench{flags.seconds.value_or(kUsualSeconds), flags.repeat};
  bench.open = [&] { return LoadOptionsOf(flags.model); };
  bench.load = LoaderOf(flags.model);
  ASSIGN_OR_RETURN(tools::SoundBenchResult result, tools::BenchSound(bench));
  RETURN_IF_ERROR(
      Tell(flags, tools::SoundBenchText(result), tools::SoundBenchJson(result), result.warning));
  return 0;
}

// An entry that is not measured by itself: the error of a model without it, or why it is not.
absl::Status NotMeasured(const BenchFlags& flags) {
  ASSIGN_OR_RETURN(const engine::LoadOptions options, LoadOptionsOf(flags.model));
  ASSIGN_OR_RETURN(const engine::OpenedModule opened,
                   engine::OpenModule(options.source.get(), options, engine::Weights::kOptional));
  RETURN_IF_ERROR(tools::CheckEntry(flags.entry, *opened.module));
  return absl::InvalidArgumentError(absl::StrCat("--entry: bench measures step and audio, and ",
                                                 flags.entry, " as a part of audio"));
}

}  // namespace

absl::StatusOr<int> Run(const BenchFlags& flags) {
  if (IsFile(flags.json_file)) RETURN_IF_ERROR(base::CheckWritable(flags.json_file));
  if (flags.entry == step_interface::kAudio) return RunSoundBench(flags);
  if (!tools::IsStep(flags.entry)) return NotMeasured(flags);
  if (flags.seconds) {
    return absl::InvalidArgumentError("--seconds: is of sound, and the step takes none");
  }
  tools::BenchOptions bench{flags.prompt_tokens, flags.depths,  flags.gen_tokens,
                            flags.repeat,        flags.streams, flags.batch,
                            flags.peers,         flags.stats,   flags.model.context.value_or(0)};
  ModelFlags model = flags.model;
  ASSIGN_OR_RETURN(model.context, tools::BenchContext(bench));
  bench.open = [&]() -> absl::StatusOr<engine::LoadOptions> {
    ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(model));
    options.module.pages = !flags.streams.empty();  // streams are a server's
    return options;
  };
  bench.load = LoaderOf(model);
  ASSIGN_OR_RETURN(tools::BenchResult result, tools::BenchModel(bench));
  RETURN_IF_ERROR(Tell(flags, tools::BenchText(result), tools::BenchJson(result), result.warning));
  return 0;
}

}  // namespace lluda::cli
