// What a generation tells of itself: how long loading and computing took, how much memory it
// needed, and why the text ends. `--stats` prints it as text, `--json` with the text as JSON.
//
//   GenerationReport report = ReportOf(model, session, *generation);
//   std::cerr << GenerationStatsText(report);
//   WriteStdout(GenerationJson(report, seed));
#ifndef LLUDA_TOOLS_RUN_GENERATION_REPORT_H_
#define LLUDA_TOOLS_RUN_GENERATION_REPORT_H_

#include <cstdint>
#include <string>

#include "engine/generate/sequence.h"
#include "engine/model.h"
#include "engine/session.h"

namespace lluda::tools {

struct GenerationReport {
  engine::LoadStats load;
  engine::Generation generation;
  int threads = 0;
  int64_t kv_cache_bytes = 0;
  int64_t peak_memory_bytes = 0;
};

GenerationReport ReportOf(const engine::Model& model, const engine::Session& session,
                          engine::Generation generation);

// A row for each number, then why the text ends.
std::string GenerationStatsText(const GenerationReport& report);
std::string GenerationJson(const GenerationReport& report, int64_t seed);
// The answer to a conversation's message number `message`, from 1.
std::string ChatAnswerJson(const GenerationReport& report, int64_t seed, int64_t message);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_RUN_GENERATION_REPORT_H_
