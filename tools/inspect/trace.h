// A timeline as a trace that Perfetto (ui.perfetto.dev) and chrome://tracing show.
//
//   runtime::Timeline timeline(model->threads());
//   ... steps ...
//   base::WriteFile("trace.json", TraceJson(model->executable()->program(), timeline));
//
// Every thread is a track. On it lie the steps; in a step the calls, by their names, as one slice
// those that run side by side; in a call, what the thread did: "work" on the call's items, or
// "wait" for others. Between two calls it waits, too. The categories are "step", "call", "work" and
// "wait": on each thread, work and wait add up to the steps.
#ifndef LLUDA_TOOLS_INSPECT_TRACE_H_
#define LLUDA_TOOLS_INSPECT_TRACE_H_

#include <string>

#include "runtime/program.h"
#include "runtime/timeline.h"

namespace lluda::tools {

// In the Trace Event Format's JSON, times in microseconds from the first step's begin.
std::string TraceJson(const runtime::Program& program, const runtime::Timeline& timeline);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_INSPECT_TRACE_H_
