// What a template may cost. Templates come with models that anyone may publish, so each of them has
// an end: of its size, of the time it takes, and of the memory.
#ifndef LLUDA_FRONTENDS_JINJA_VALUE_LIMITS_H_
#define LLUDA_FRONTENDS_JINJA_VALUE_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace lluda::jinja {

inline constexpr size_t kMostSourceBytes = size_t{1} << 20;
// Of the output, and of every text on the way to it.
inline constexpr size_t kMostTextBytes = size_t{16} << 20;

// Of statements, rounds of a loop and calls. What else takes time counts as parts of a step: a node
// of an expression, an element of a list that is made or looked at, some bytes of a text.
inline constexpr int64_t kMostSteps = 1'000'000;
inline constexpr int64_t kPartsPerStep = 16;
inline constexpr size_t kTextBytesPerPart = 32;
// What is made and may be kept costs more, so that memory has an end as well.
inline constexpr size_t kPartsPerItem = 4;    // of a list
inline constexpr size_t kPartsPerEntry = 16;  // of a mapping
inline constexpr size_t kPartsPerText = 16;   // of many that one call makes
inline constexpr size_t kPartsPerMethod = 8;

// Of blocks and expressions inside each other, of macros that call macros, of lists in lists.
inline constexpr int kMostDepth = 200;
// Of all of these together while rendering: what the stack of a thread can take.
inline constexpr int kMostFrames = 2000;

inline constexpr int64_t kLongestRange = 100'000;

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_VALUE_LIMITS_H_
