// Another engine beside lluda: its llama-bench, run in turns with a model that is loaded, on prompts and
// generations of the same lengths. Each run of it is a process that loads its model, warms up and is
// timed by itself.
//
//   ASSIGN_OR_RETURN(Peer peer, ParsePeer("/opt/llama.cpp/llama-bench,q.gguf,-fa,1"));
//   PeerTest test{/*prompt=*/512, /*generated=*/0, /*depth=*/0};
//   auto result = MeasurePeer(peer, test, /*threads=*/2, /*repeat=*/5, own_tokens_per_s);
//   result->times.median   // 1.66: lluda is so many times as fast
#ifndef LLUDA_TOOLS_BENCH_BENCH_PEER_H_
#define LLUDA_TOOLS_BENCH_BENCH_PEER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/bench/bench_result.h"

namespace lluda::tools {

struct Peer {
  std::string program;
  std::string gguf;
  std::vector<std::string> flags;  // of its own: "-fa", "1"
};

// LLAMA_BENCH,GGUF[,FLAG...]. InvalidArgument if the text is not like that; NotFound without such a file,
// or without such a program where that is a path.
absl::StatusOr<Peer> ParsePeer(const std::string& text);

// A prompt, or a generation behind `depth` tokens: one of the two is 0.
struct PeerTest {
  int64_t prompt = 0;
  int64_t generated = 0;
  int64_t depth = 0;
};

// Runs `own`, which gives lluda's tokens a second, and the peer in turns, `repeat` runs of the peer each
// between two of lluda's. Errors are own's and those of a peer that cannot be run, fails or says
// something else than its speed: Unavailable, naming the program.
absl::StatusOr<PeerSpeed> MeasurePeer(const Peer& peer, const PeerTest& test, int threads,
                                      int repeat,
                                      const std::function<absl::StatusOr<double>()>& own);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_BENCH_BENCH_PEER_H_
