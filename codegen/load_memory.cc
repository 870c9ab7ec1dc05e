#include "codegen/load_memory.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>

namespace lluda::codegen {
namespace {

using runtime::BufferRef;
using runtime::Call;

// The calls from the first to the last that has something in a range; none.
struct Lifetime {
  size_t first = std::numeric_limits<size_t>::max();
  size_t last = 0;

  bool empty() const { return last < first; }
  bool Overlaps(const Lifetime& other) const { return first <= other.last && other.first <= last; }
};

// The range that a byte is in, of ranges in order.
size_t RangeOf(const std::vector<LoadedRange>& ranges, int64_t byte) {
  const auto behind =
      std::upper_bound(ranges.begin(), ranges.end(), byte,
                       [](int64_t at, const LoadedRange& range) { return at < range.offset; });
  return static_cast<size_t>(behind - ranges.begin()) - 1;
}

class Places {
 public:
  Places(const std::vector<LoadedRange>& globals, const std::vector<LoadedRange>& values,
         std::vector<Call>* load)
      : globals_(globals),
        values_(values),
        load_(*load),
        globals_end_(globals.empty() ? 0 : globals.back().end()),
        of_globals_(globals.size()),
        of_values_(values.size()) {}

  int64_t Run() {
    EachBuffer([&](size_t call, BufferRef* buffer) {
      const bool is_value = buffer->offset >= globals_end_;
      const size_t range = RangeOf(is_value ? values_ : globals_, buffer->offset);
      Lifetime& life = (is_value ? of_values_ : of_globals_)[range];
      life.first = std::min(life.first, call);
      life.last = std::max(life.last, call);
    });
    int64_t end = globals_end_;
    for (size_t i = 0; i < values_.size(); ++i) {
      placed_.push_back({PlaceOf(i), values_[i].bytes});
      end = std::max(end, placed_.back().end());
    }
    EachBuffer([&](size_t /*call*/, BufferRef* buffer) {
      if (buffer->offset < globals_end_) return;
      const size_t value = RangeOf(values_, buffer->offset);
      buffer->offset += placed_[value].offset - values_[value].offset;
    });
    return end;
  }

 private:
  void EachBuffer(const std::function<void(size_t call, BufferRef* buffer)>& visit) {
    for (size_t call = 0; call < load_.size(); ++call) {
      for (BufferRef& buffer : load_[call].buffers) {
        if (buffer.space == runtime::Space::kLoaded) visit(call, &buffer);
      }
    }
  }

  // The first place where nothing is that lives at the same time. A global lives from its definition
  // on; one that no call defines is not known here, and lives always.
  int64_t PlaceOf(size_t value) const {
    const Lifetime& life = of_values_[value];
    std::vector<LoadedRange> taken;
    for (size_t i = 0; i < globals_.size(); ++i) {
      if (of_globals_[i].empty() || of_globals_[i].first <= life.last) taken.push_back(globals_[i]);
    }
    for (size_t i = 0; i < placed_.size(); ++i) {
      if (of_values_[i].Overlaps(life)) taken.push_back(placed_[i]);
    }
    std::sort(taken.begin(), taken.end(),
              [](const LoadedRange& a, const LoadedRange& b) { return a.offset < b.offset; });
    int64_t place = 0;
    for (const LoadedRange& range : taken) {
      if (place + values_[value].bytes <= range.offset) break;
      place = std::max(place, range.end());
    }
    return place;
  }

  const std::vector<LoadedRange>& globals_;
  const std::vector<LoadedRange>& values_;
  std::vector<Call>& load_;
  const int64_t globals_end_;
  std::vector<Lifetime> of_globals_, of_values_;
  std::vector<LoadedRange> placed_;
};

}  // namespace

int64_t PlaceLoadValues(const std::vector<LoadedRange>& globals,
                        const std::vector<LoadedRange>& values, std::vector<runtime::Call>* load) {
  return Places(globals, values, load).Run();
}

}  // namespace lluda::codegen
