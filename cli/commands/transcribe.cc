// lluda transcribe: speech to text.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "base/utf8.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/interrupt.h"
#include "cli/terminal/output.h"
#include "cli/terminal/progress.h"
#include "engine/transcribe/languages.h"
#include "engine/transcribe/transcriber.h"
#include "media/sound_file.h"
#include "tools/run/transcript_report.h"

namespace lluda::cli {
namespace {

// Of all sounds of a command together, which are held at once: as many as of one.
constexpr int kMostSeconds = media::SoundLimits().seconds;

struct Sound {
  std::string file;  // as errors and lines call it
  std::vector<float> samples;

  double seconds() const { return static_cast<double>(samples.size()) / media::kSampleRate; }
};

absl::StatusOr<std::vector<float>> ReadOne(const std::string& file) {
  if (file != "-") return media::ReadSoundFile(file, {});
  ASSIGN_OR_RETURN(const std::string text, ReadInput(file));
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return media::ReadSound("stdin", {bytes, text.size()}, {});
}

// All of them, so that a wrong one is told before a model is loaded.
absl::StatusOr<std::vector<Sound>> ReadSounds(const std::vector<std::string>& files) {
  std::vector<Sound> sounds;
  size_t samples = 0;
  for (const std::string& file : files) {
    Sound sound = {file == "-" ? "stdin" : file, {}};
    ASSIGN_OR_RETURN(sound.samples, ReadOne(file));
    samples += sound.samples.size();
    if (samples > size_t{kMostSeconds} * media::kSampleRate) {
      return absl::InvalidArgumentError(
          absl::StrCat(sound.file, ": with it the sounds are longer than ", kMostSeconds / 3600,
                       " hours together, the most that is read"));
    }
    sounds.push_back(std::move(sound));
  }
  return sounds;
}

// The text of one sound on its way to stdout: a line for each piece, which begins with `prefix`.
class TextLines {
 public:
  explicit TextLines(std::string prefix) : prefix_(std::move(prefix)) {}

  bool Add(absl::string_view text) {
    if (!in_line_) Write(prefix_);
    in_line_ = true;
    return Write(text);
  }
  void EndPiece() {
    if (in_line_) Write("\n");
    in_line_ = false;
  }
  const absl::Status& status() const { return status_; }

 private:
  bool Write(absl::string_view text) {
    if (status_.ok()) status_ = WriteStdout(text);
    return status_.ok();
  }

  std::string prefix_;
  bool in_line_ = false;
  absl::Status status_;
};

absl::StatusOr<tools::TranscribedFile> TranscribeSound(const Sound& sound, bool name_it,
                                                       const TranscribeFlags& flags,
                                                       engine::TranscribeOptions options,
                                                       engine::Transcriber* transcriber) {
  tools::TranscribedFile file = {base::ReplaceInvalidUtf8(sound.file), sound.seconds(), 0, {}};
  TextLines lines(name_it ? absl::StrCat(sound.file, ": ") : "");
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
    options.on_piece = [&](const engine::TranscribedPiece&) { lines.EndPiece(); };
  }
  base::Stopwatch watch;
  absl::StatusOr<engine::Transcript> transcript = transcriber->Transcribe(sound.samples, options);
  if (!lines.status().ok()) return lines.status();
  if (!transcript.ok()) {
    return absl::Status(transcript.status().code(),
                        absl::StrCat(sound.file, ": ", transcript.status().message()));
  }
  file.compute_seconds = watch.Lap();
  file.transcript = *std::move(transcript);
  return file;
}

}  // namespace

absl::StatusOr<int> RunTranscribe(const TranscribeFlags& flags) {
  engine::TranscribeOptions options;
  options.question.context = flags.about;
  ASSIGN_OR_RETURN(options.question.language, engine::LanguageName(flags.language));
  ASSIGN_OR_RETURN(const std::vector<Sound> sounds, ReadSounds(flags.files));
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::Model> model, LoadModel(flags.model, true));
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::Transcriber> transcriber,
                   engine::Transcriber::Create(model.get()));
  const Interrupt interrupt;
  options.cancel = interrupt.flag();
  std::vector<tools::TranscribedFile> files;
  for (const Sound& sound : sounds) {
    ASSIGN_OR_RETURN(tools::TranscribedFile file,
                     TranscribeSound(sound, sounds.size() > 1, flags, options, transcriber.get()));
    for (const std::string& line : tools::UnfinishedPieces(file.transcript)) {
      PrintNotes("lluda", {absl::StrCat(sound.file, ": ", line)});
    }
    files.push_back(std::move(file));
    if (interrupt.flag()->load()) break;
  }
  if (flags.json) RETURN_IF_ERROR(WriteStdout(tools::TranscriptsJson(files)));
  return interrupt.flag()->load() ? kInterruptedExitCode : 0;
}

}  // namespace lluda::cli
