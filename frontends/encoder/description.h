// An encoder of sound, described by data: convolutions, then layers that see a whole window.
//
// Sound is log-mel features, 100 frames a second. Each second, a chunk, goes alone through three
// convolutions 3x3 of stride 2 and a matrix, and becomes 13 rows; a row knows its place in the chunk
// by sines. Rows of `window_chunks` chunks see each other in layers with two residual sums,
//
//   x += attention(norm(x))
//   x += fc2(gelu(fc1(norm(x))))
//
// and go through a norm, a matrix, GELU and another matrix, after which they have the width of the
// text model's embeddings. All matrices but that behind the convolutions have biases.
//
// Example: Qwen3-ASR-0.6B
//   AudioTower tower;
//   tower.hidden_size = 896;
//   tower.layers = 18;
//   tower.heads = 14;
//   tower.intermediate_size = 3584;
//   tower.conv_channels = 480;
//   tower.output_size = 1024;
#ifndef LLUDA_FRONTENDS_ENCODER_DESCRIPTION_H_
#define LLUDA_FRONTENDS_ENCODER_DESCRIPTION_H_

#include <cstdint>

namespace lluda::frontends::encoder {

struct AudioTower {
  int64_t mel_bins = 128;
  int64_t conv_channels = 0;
  int64_t hidden_size = 0;  // even, and a multiple of heads
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t intermediate_size = 0;
  int64_t window_chunks = 8;
  int64_t output_size = 0;
  double norm_eps = 1e-5;

  int64_t head_dim() const { return hidden_size / heads; }
};

// How many places a convolution of stride 2 with a border of one leaves of so many.
inline constexpr int64_t Halved(int64_t places) { return (places + 1) / 2; }

inline constexpr int64_t kChunkFrames = 100;
// Rows that become of a chunk's first `frames` frames: 13 of all of them.
inline constexpr int64_t RowsOfChunk(int64_t frames) { return Halved(Halved(Halved(frames))); }
inline constexpr int64_t kChunkRows = RowsOfChunk(kChunkFrames);

}  // namespace lluda::frontends::encoder

#endif  // LLUDA_FRONTENDS_ENCODER_DESCRIPTION_H_
