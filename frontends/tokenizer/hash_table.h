// Hash tables as plain arrays: built once, and then readable in place from a mapped file.
//
//   std::vector<MergeSlot> slots(TableSize(count), MergeSlot{});
//   size_t i = MixBits(PairKey(left, right)) & (slots.size() - 1);  // then i + 1, ... until free
//
// Sizes are powers of two and at least a third of the slots stays free, so a search ends. The
// hashes do not depend on the process or the machine, unlike Abseil's.
#ifndef LLUDA_FRONTENDS_TOKENIZER_HASH_TABLE_H_
#define LLUDA_FRONTENDS_TOKENIZER_HASH_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lluda::tokenizer {

// Slots of a table for `count` entries.
inline size_t TableSize(size_t count) {
  size_t size = 4;
  while (size < count + count / 2) size *= 2;
  return size;
}

// The finaliser of MurmurHash3 (Appleby, public domain): every bit of the input changes every bit
// of the result with a probability near one half.
inline uint64_t MixBits(uint64_t x) {
  x = (x ^ (x >> 33)) * 0xFF51AFD7ED558CCD;
  x = (x ^ (x >> 33)) * 0xC4CEB9FE1A85EC53;
  return x ^ (x >> 33);
}

inline uint64_t PairKey(int32_t left, int32_t right) {
  return (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32) | static_cast<uint32_t>(right);
}

// FNV-1a (Fowler, Noll, Vo), mixed.
inline uint64_t HashText(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3;
  return MixBits(hash);
}

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_HASH_TABLE_H_
