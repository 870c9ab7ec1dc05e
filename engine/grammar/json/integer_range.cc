#include "engine/grammar/json/integer_range.h"

#include <algorithm>
#include <string>
#include <vector>

namespace lluda::grammar {
namespace {

std::string Digits(absl::int128 value) {
  std::string digits;
  do {
    digits += static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value > 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

// The numbers from `low` to `high`, of equally many digits, digit by digit: a state for a text that
// has been equal to the beginning of both, of low, of high, or of none of them.
class EqualLength {
 public:
  EqualLength(const std::string& low, const std::string& high, int to, GrammarBuilder* builder)
      : low_(low), high_(high), builder_(builder) {
    // free_[i]: i digits are left, of any kind.
    free_.push_back(to);
    for (size_t i = 1; i < low.size(); ++i) {
      const int state = builder->AddState();
      builder->AddBytes(state, '0', '9', free_.back());
      free_.push_back(state);
    }
  }

  void Add(int from) {
    int both = from, at_low = -1, at_high = -1;
    for (size_t i = 0; i < low_.size(); ++i) {
      const size_t left = low_.size() - i - 1;
      const auto a = static_cast<uint8_t>(low_[i]);
      const auto b = static_cast<uint8_t>(high_[i]);
      const auto next = [&] { return left == 0 ? free_[0] : builder_->AddState(); };
      const auto between = [&](int state, int first, int last) {
        if (first > last) return;
        builder_->AddBytes(state, static_cast<uint8_t>(first), static_cast<uint8_t>(last),
                           free_[left]);
      };
      int next_both = -1, next_low = -1, next_high = -1;
      if (both >= 0 && a == b) {
        next_both = next();
        builder_->AddBytes(both, a, a, next_both);
      } else if (both >= 0) {
        next_low = next();
        next_high = next();
        builder_->AddBytes(both, a, a, next_low);
        builder_->AddBytes(both, b, b, next_high);
        between(both, a + 1, b - 1);
      }
      if (at_low >= 0) {
        next_low = next();
        builder_->AddBytes(at_low, a, a, next_low);
        between(at_low, a + 1, '9');
      }
      if (at_high >= 0) {
        next_high = next();
        builder_->AddBytes(at_high, b, b, next_high);
        between(at_high, '0', b - 1);
      }
      both = next_both;
      at_low = next_low;
      at_high = next_high;
    }
  }

 private:
  const std::string& low_;
  const std::string& high_;
  GrammarBuilder* builder_;
  std::vector<int> free_;
};

// 0 <= low <= high.
void AddNatural(absl::int128 low, absl::int128 high, int from, int to, GrammarBuilder* builder) {
  const std::string first = Digits(low);
  const std::string last = Digits(high);
  for (size_t length = first.size(); length <= last.size(); ++length) {
    const std::string smallest =
        length == first.size() ? first : "1" + std::string(length - 1, '0');
    const std::string largest = length == last.size() ? last : std::string(length, '9');
    EqualLength(smallest, largest, to, builder).Add(from);
  }
}

}  // namespace

void AddIntegers(const IntegerRange& range, int from, int to, GrammarBuilder* builder) {
  if (range.min < 0 && range.min <= range.max) {
    const int digits = builder->AddState();
    builder->AddBytes(from, '-', '-', digits);
    AddNatural(-std::min<absl::int128>(range.max, -1), -range.min, digits, to, builder);
  }
  if (range.max >= 0 && range.min <= range.max) {
    AddNatural(std::max<absl::int128>(range.min, 0), range.max, from, to, builder);
  }
}

}  // namespace lluda::grammar
