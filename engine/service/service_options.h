// How much a service takes on: flags of `lluda serve`.
#ifndef LLUDA_ENGINE_SERVICE_SERVICE_OPTIONS_H_
#define LLUDA_ENGINE_SERVICE_SERVICE_OPTIONS_H_

#include <cstdint>

namespace lluda::engine {

struct ServiceOptions {
  int slots = 8;        // choices that are computed side by side, at least 1
  int64_t context = 0;  // tokens of each; 0: as many as the program allows
  // Of keys and values, which all of them share page by page; 0: as much as they could fill, but no
  // more than half of the memory that is left.
  int64_t cache_bytes = 0;
  int64_t max_queue = 256;                      // requests that wait, at least 1
  int64_t max_queue_bytes = int64_t{64} << 20;  // of their prompts' tokens, but one may always wait
  // A step that texts wait for takes as many tokens of prompts as fit this time; above 0.
  double step_seconds = 0.060;
  double queue_seconds = 120;     // a request that has waited so long is given up; above 0
  double request_seconds = 3600;  // one that is written is ended so long after it came; above 0
  bool force = false;             // starts also if there is not the memory
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SERVICE_SERVICE_OPTIONS_H_
