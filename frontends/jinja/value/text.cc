#include "frontends/jinja/value/text.h"

#include <algorithm>
#include <utility>

namespace lluda::jinja {

Text::Text(std::string bytes, Origin origin) : bytes_(std::move(bytes)) { AddRun(origin); }

void Text::AddRun(Origin origin) {
  const size_t begin = runs_.empty() ? 0 : runs_.back().end;
  if (bytes_.size() == begin) return;
  if (!runs_.empty() && runs_.back().origin == origin) {
    runs_.back().end = bytes_.size();
  } else {
    runs_.push_back({bytes_.size(), origin});
  }
}

void Text::Append(std::string_view bytes, Origin origin) {
  bytes_.append(bytes);
  AddRun(origin);
}

void Text::Append(const Text& other) { AppendPart(other, 0, other.size()); }

void Text::AppendPart(const Text& other, size_t begin, size_t end) {
  const auto first = std::upper_bound(other.runs_.begin(), other.runs_.end(), begin,
                                      [](size_t at, const Run& run) { return at < run.end; });
  for (auto run = first; run != other.runs_.end() && begin < end; ++run) {
    const size_t stop = std::min(run->end, end);
    Append(std::string_view(other.bytes_).substr(begin, stop - begin), run->origin);
    begin = stop;
  }
}

Text Text::Part(size_t begin, size_t end) const {
  Text part;
  part.AppendPart(*this, begin, end);
  return part;
}

}  // namespace lluda::jinja
