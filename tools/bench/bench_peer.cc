#include "tools/bench/bench_peer.h"

#include <simdjson.h>
#include <unistd.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "runtime/machine/run_program.h"
#include "tools/measure/statistics.h"

namespace lluda::tools {
namespace {

// llama-bench writes a few KB.
constexpr size_t kMostOutput = size_t{1} << 20;

absl::string_view LastLine(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  const size_t end = text.rfind('\n');
  return end == absl::string_view::npos ? text : text.substr(end + 1);
}

// Once, unless its own flags say otherwise: its default of five in a row would be no turn.
std::vector<std::string> CommandOf(const Peer& peer, const PeerTest& test, int threads) {
  std::vector<std::string> command = {peer.program,          "-m", peer.gguf, "-o", "json", "-t",
                                      absl::StrCat(threads), "-r", "1"};
  command.insert(command.end(), peer.flags.begin(), peer.flags.end());
  for (const std::string& word : {std::string("-p"), absl::StrCat(test.prompt), std::string("-n"),
                                  absl::StrCat(test.generated)}) {
    command.push_back(word);
  }
  // Older ones do not know the flag.
  if (test.depth > 0) command.insert(command.end(), {"-d", absl::StrCat(test.depth)});
  return command;
}

// Of the only row of its output.
absl::StatusOr<double> SpeedIn(const std::string& text) {
  simdjson::dom::parser parser;
  simdjson::dom::array rows;
  double speed = 0;
  const bool is_speed = parser.parse(text).get(rows) == simdjson::SUCCESS && rows.size() == 1 &&
                        rows.at(0)["avg_ts"].get(speed) == simdjson::SUCCESS;
  if (!is_speed) return absl::UnavailableError("its output is not one row of JSON with avg_ts");
  if (!(speed > 0)) return absl::UnavailableError(absl::StrCat("it says ", speed, " tokens/s"));
  return speed;
}

absl::StatusOr<double> RunPeer(const Peer& peer, const PeerTest& test, int threads) {
  std::string text;
  ASSIGN_OR_RETURN(
      const runtime::ProgramEnd end,
      runtime::RunProgram(CommandOf(peer, test, threads), [&text](absl::string_view part) {
        absl::StrAppend(&text, part);
        return text.size() <= kMostOutput;
      }));
  const auto problem = [&peer](absl::string_view what) {
    return absl::UnavailableError(absl::StrCat(peer.program, ": ", what));
  };
  if (text.size() > kMostOutput) return problem("writes more than a megabyte");
  if (!end.is_success()) {
    const absl::string_view said = LastLine(end.errors);
    return problem(absl::StrCat(end.how, said.empty() ? "" : ": ", said));
  }
  if (absl::StripAsciiWhitespace(text).empty()) return problem("prints nothing");
  absl::StatusOr<double> speed = SpeedIn(text);
  return speed.ok() ? speed : problem(speed.status().message());
}

}  // namespace

absl::StatusOr<Peer> ParsePeer(const std::string& text) {
  std::vector<std::string> parts = absl::StrSplit(text, ',');
  for (const std::string& part : parts) {
    if (!part.empty() && parts.size() >= 2) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--peer: '", text, "' is not LLAMA_BENCH,GGUF[,FLAG...]"));
  }
  if (absl::StrContains(parts[0], '/') && access(parts[0].c_str(), X_OK) != 0) {
    return absl::NotFoundError(absl::StrCat("--peer: ", parts[0], ": no such program"));
  }
  if (access(parts[1].c_str(), R_OK) != 0) {
    return absl::NotFoundError(absl::StrCat("--peer: ", parts[1], ": no such file"));
  }
  Peer peer{parts[0], parts[1], {}};
  peer.flags.assign(parts.begin() + 2, parts.end());
  return peer;
}

absl::StatusOr<PeerSpeed> MeasurePeer(const Peer& peer, const PeerTest& test, int threads,
                                      int repeat,
                                      const std::function<absl::StatusOr<double>()>& own) {
  ASSIGN_OR_RETURN(const double first, own());
  std::vector<double> lluda = {first}, other;
  for (int turn = 0; turn < repeat; ++turn) {
    ASSIGN_OR_RETURN(const double speed, RunPeer(peer, test, threads));
    other.push_back(speed);
    ASSIGN_OR_RETURN(const double next, own());
    lluda.push_back(next);
  }
  PeerSpeed result{test.prompt > 0 ? test.prompt : test.generated,
                   test.depth,
                   Summarize(lluda),
                   Summarize(other),
                   {}};
  std::vector<double> times;
  for (const double ratio : RatiosInTurns(lluda, other)) times.push_back(1 / ratio);
  result.times = Summarize(times);
  return result;
}

}  // namespace lluda::tools
