#include "cli/flags/transcription.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "base/utf8.h"
#include "cli/terminal/named_lines.h"
#include "cli/terminal/output.h"
#include "cli/terminal/progress.h"
#include "engine/transcribe/languages.h"
#include "engine/transcribe/transcriber.h"
#include "media/sound.h"
#include "runtime/machine/interrupt.h"
#include "tools/run/transcript_report.h"

namespace lluda::cli {
namespace {

// Of all sounds of a command together, which are held at once: as many as of one.
constexpr int kMostSeconds = media::SoundLimits().seconds;

double SecondsOf(const Sound& sound) {
  return static_cast<double>(sound.samples.size()) / media::kSampleRate;
}

// An error that is about the sound, with its name.
absl::Status Named(const Sound& sound, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(sound.file, ": ", status.message()));
}

absl::StatusOr<tools::TranscribedFile> TranscribeSound(const Sound& sound, bool name_it,
                                                       const TranscribeFlags& flags,
                                                       engine::TranscribeOptions options,
                                                       engine::Transcriber* transcriber) {
  tools::TranscribedFile file = {base::ReplaceInvalidUtf8(sound.file), SecondsOf(sound), 0, {}};
  NamedLines lines(name_it ? absl::StrCat(sound.file, ": ") : "", WriteStdout);
  ProgressLine progress("transcribing");
  options.progress = [&](double seconds) {
    progress.Show(static_cast<int64_t>(seconds * media::kSampleRate),
                  static_cast<int64_t>(sound.samples.size()));
  };
  if (!flags.json) {
    options.on_text = [&](absl::string_view text) {
      progress.Clear();
      return lines.Add(text);
    };
    options.on_piece = [&](const engine::TranscribedPiece&) { lines.EndLine(); };
  }
  base::Stopwatch watch;
  absl::StatusOr<engine::Transcript> transcript = transcriber->Transcribe(sound.samples, options);
  if (!lines.status().ok()) return lines.status();
  if (absl::IsInternal(transcript.status())) {
    return absl::InternalError(
        absl::StrCat(flags.model.model, ": at ", sound.file, ": ", transcript.status().message()));
  }
  if (!transcript.ok()) return Named(sound, transcript.status());
  file.compute_seconds = watch.Lap();
  file.transcript = *std::move(transcript);
  return file;
}

}  // namespace

absl::StatusOr<Hearing> PrepareHearing(const TranscribeFlags& flags, const SoundReader& read) {
  Hearing hearing;
  hearing.question.context = flags.about;
  ASSIGN_OR_RETURN(hearing.question.language, engine::LanguageName(flags.language));
  size_t samples = 0;
  if (std::count(flags.files.begin(), flags.files.end(), "-") > 1) {
    return absl::InvalidArgumentError("-: stdin can be given once");
  }
  for (const std::string& file : flags.files) {
    Sound sound = {file == "-" ? "stdin" : file, {}};
    ASSIGN_OR_RETURN(sound.samples, read(file));
    samples += sound.samples.size();
    if (samples > size_t{kMostSeconds} * media::kSampleRate) {
      return absl::InvalidArgumentError(
          absl::StrCat(sound.file, ": with it the sounds are longer than ", kMostSeconds / 3600,
                       " hours together, the most that is read"));
    }
    hearing.sounds.push_back(std::move(sound));
  }
  return hearing;
}

absl::StatusOr<int> TranscribeSounds(const char* program, engine::Model* model,
                                     const TranscribeFlags& flags, const Hearing& hearing) {
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::Transcriber> transcriber,
                   engine::Transcriber::Create(model));
  // Of all before the first, so that none is computed in vain.
  for (const Sound& sound : hearing.sounds) {
    RETURN_IF_ERROR(Named(sound, transcriber->CheckRoom(sound.samples, hearing.question)));
  }
  const runtime::Interrupt interrupt;
  engine::TranscribeOptions options;
  options.question = hearing.question;
  options.cancel = interrupt.flag();
  std::vector<tools::TranscribedFile> files;
  absl::Status failure;
  for (const Sound& sound : hearing.sounds) {
    absl::StatusOr<tools::TranscribedFile> file =
        TranscribeSound(sound, hearing.sounds.size() > 1, flags, options, transcriber.get());
    failure = file.status();
    if (!failure.ok()) break;
    for (const std::string& line : tools::UnfinishedPieces(file->transcript)) {
      PrintNotes(program, {absl::StrCat(sound.file, ": ", line)});
    }
    files.push_back(*std::move(file));
    if (interrupt.flag()->load()) break;
  }
  // What is done is not lost by what comes behind it.
  if (flags.json && (failure.ok() || !files.empty())) {
    RETURN_IF_ERROR(WriteStdout(tools::TranscriptsJson(files)));
  }
  if (!failure.ok()) return failure;
  return interrupt.flag()->load() ? runtime::kInterruptedExitCode : 0;
}

}  // namespace lluda::cli
