// All that a report shows, and its form inside the page.
//
//   Report report;
//   report.model.name = "Qwen3-0.6B";
//   std::string page = ReportPage(ReportJson(report));   // tools/report/report_page.h
#ifndef LLUDA_TOOLS_REPORT_REPORT_JSON_H_
#define LLUDA_TOOLS_REPORT_REPORT_JSON_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tools/inspect/explain_report.h"
#include "tools/report/report_memory.h"
#include "tools/report/report_pipeline.h"

namespace lluda::tools {

struct ReportHeader {
  std::string model;
  std::string entry;       // that is looked at alone; empty: all, of which the step is run
  std::string ir_file;     // the dump that was compiled instead of the import; may be empty
  bool is_bundle = false;  // the model was compiled before: the module after all passes is there
  std::string cpu;
  std::string isa;
  int threads = 0;  // 0: nothing was run
  int64_t context = 0;
  int64_t max_step = 0;  // the most tokens computed at a time
  std::string lluda_version;
  std::string llvm_version;
};

// A call of what is run: its statement, "attn[3].qkv", and its kernel.
struct ReportCall {
  std::string name;
  std::string kernel;
};

struct Report {
  ReportHeader header;
  ReportPipeline pipeline;
  std::vector<ExplainReport> runs;  // none without measuring
  std::vector<ReportCall> calls;
  std::vector<FrameBuffer> buffers;
  MemoryTotals memory;
};

// One JSON object without the character '<', so that nothing in it can end the element it stands
// in.
std::string ReportJson(const Report& report);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_REPORT_REPORT_JSON_H_
