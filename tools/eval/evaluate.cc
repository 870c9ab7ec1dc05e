#include "tools/eval/evaluate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status_macros.h"
#include "engine/generate/sampling/sampler.h"
#include "runtime/machine/thread_pool.h"
#include "runtime/session/session.h"
#include "tools/eval/text_tokens.h"
#include "tools/eval/windows.h"

namespace lluda::tools {
namespace {

constexpr int64_t kUsualWindow = 512;
constexpr int64_t kLogitBytes = int64_t{64} << 20;  // of one model, at a time
constexpr size_t kWorst = 10;
constexpr int64_t kTokensBefore = 12;  // shown before a token

// A model whose logits after each token of a window are looked at.
class Reader {
 public:
  static absl::StatusOr<Reader> Create(engine::Model* model, int64_t window) {
    if (model->result() != engine::StepResult::kLogits) {
      return absl::FailedPreconditionError(
          absl::StrCat(model->folder(), ": gives hidden states and no logits"));
    }
    if (window > model->context()) {
      return absl::InvalidArgumentError(absl::StrCat(model->folder(), ": a window of ", window,
                                                     " tokens, the context holds ",
                                                     model->context()));
    }
    runtime::SessionOptions options;
    options.context = window;
    ASSIGN_OR_RETURN(std::unique_ptr<runtime::Session> session,
                     runtime::Session::Create(model->executable(), options));
    return Reader(model->folder(), std::move(session));
  }

  const std::string& folder() const { return folder_; }

  int64_t width() const { return session_->width(); }
  int64_t vocabulary() const { return session_->vocabulary(); }
  int64_t max_rows() const { return std::min(session_->max_rows(), session_->max_step()); }

  void Clear() { session_->Truncate(0, 0); }
  // Takes tokens whose logits nobody asks for.
  absl::Status Skip(absl::Span<const int32_t> tokens) {
    if (tokens.empty()) return absl::OkStatus();
    const runtime::Chunk chunk{0, tokens, /*wanted=*/0};
    return session_->Evaluate(absl::MakeConstSpan(&chunk, 1)).status();
  }
  // The logits after each of the tokens, at most max_rows(), valid until the next call.
  absl::StatusOr<absl::Span<const float>> Read(absl::Span<const int32_t> tokens) {
    const runtime::Chunk chunk{0, tokens, static_cast<int64_t>(tokens.size())};
    return session_->Step(absl::MakeConstSpan(&chunk, 1));
  }

 private:
  Reader(std::string folder, std::unique_ptr<runtime::Session> session)
      : folder_(std::move(folder)), session_(std::move(session)) {}

  std::string folder_;
  std::unique_ptr<runtime::Session> session_;
};

absl::Status CheckSameVocabulary(const engine::Model& model, const Reader& reader,
                                 const engine::Model& against, const Reader& against_reader,
                                 const EvalText& text, const TextTokens& tokens) {
  const std::string both = absl::StrCat(model.folder(), " and ", against.folder());
  if (reader.width() != against_reader.width()) {
    return absl::InvalidArgumentError(
        absl::StrCat(both, ": cannot be compared: their vocabularies have ", reader.width(),
                     " and ", against_reader.width(), " tokens"));
  }
  if (against.tokenizer() == nullptr) return absl::OkStatus();
  const TextTokens theirs = TokensOf(*against.tokenizer(), text.text);
  for (const auto& [ours, other, what] : {std::tuple{&tokens.front, &theirs.front, "in front of "},
                                          std::tuple{&tokens.text, &theirs.text, "of "}}) {
    if (*ours == *other) continue;
    const size_t at =
        std::mismatch(ours->begin(), ours->end(), other->begin(), other->end()).first -
        ours->begin();
    return absl::InvalidArgumentError(absl::StrCat(
        both, ": cannot be compared: their tokenizers differ in token ", at, " ", what, text.name));
  }
  return absl::OkStatus();
}

class Evaluator {
 public:
  Evaluator(Reader reader, std::optional<Reader> against, TextTokens tokens,
            const EvalOptions& options, int threads)
      : reader_(std::move(reader)),
        against_(std::move(against)),
        tokens_(std::move(tokens)),
        options_(options),
        pool_(threads) {
    rows_ = std::max<int64_t>(1, kLogitBytes / (reader_.width() * int64_t{sizeof(float)}));
    rows_ = std::min(rows_, reader_.max_rows());
    if (against_) rows_ = std::min(rows_, against_->max_rows());
  }

  // Scores all windows, or those before the user has enough.
  absl::Status Run(const std::vector<Window>& windows, Evaluation* evaluation) {
    for (const Window& window : windows) {
      RETURN_IF_ERROR(RunWindow(window, evaluation));
      if (IsCancelled()) break;
    }
    return absl::OkStatus();
  }

 private:
  bool IsCancelled() const { return options_.cancel != nullptr && options_.cancel->load(); }

  absl::Status RunWindow(const Window& window, Evaluation* evaluation) {
    // The last token is predicted and not read.
    std::vector<int32_t> input = tokens_.front;
    input.insert(input.end(), tokens_.text.begin() + window.begin,
                 tokens_.text.begin() + window.end - 1);
    const auto front = static_cast<int64_t>(tokens_.front.size());
    // The logits after input i are of token begin + i + 1 - front.
    const int64_t first = window.counted - window.begin - 1 + front;
    const absl::Span<const int32_t> all = input;
    for (Reader* reader : Readers()) {
      reader->Clear();
      RETURN_IF_ERROR(reader->Skip(all.subspan(0, static_cast<size_t>(first))));
    }
    const auto size = static_cast<int64_t>(input.size());
    for (int64_t i = first; i < size && !IsCancelled(); i += rows_) {
      const int64_t count = std::min(rows_, size - i);
      const auto part = all.subspan(static_cast<size_t>(i), static_cast<size_t>(count));
      ASSIGN_OR_RETURN(absl::Span<const float> logits, reader_.Read(part));
      absl::Span<const float> theirs;
      if (against_) {
        ASSIGN_OR_RETURN(theirs, against_->Read(part));
      } else if (!options_.against_logits.empty()) {
        theirs = options_.against_logits.subspan(
            evaluation->positions.size() * static_cast<size_t>(reader_.width()), logits.size());
      }
      if (options_.keep_logits != nullptr) {
        options_.keep_logits->insert(options_.keep_logits->end(), logits.begin(), logits.end());
      }
      RETURN_IF_ERROR(Add(logits, theirs, window.begin + i + 1 - front, count, evaluation));
    }
    return absl::OkStatus();
  }

  std::vector<Reader*> Readers() {
    std::vector<Reader*> readers = {&reader_};
    if (against_) readers.push_back(&*against_);
    return readers;
  }

  // The scores of tokens from `token` on. Internal where logits are no predictions.
  absl::Status Add(absl::Span<const float> logits, absl::Span<const float> theirs, int64_t token,
                   int64_t count, Evaluation* evaluation) {
    std::vector<Evaluation::Position>& positions = evaluation->positions;
    const size_t begin = positions.size();
    positions.resize(begin + static_cast<size_t>(count));
    const auto width = static_cast<size_t>(reader_.width());
    std::vector<absl::Status> faults(static_cast<size_t>(count));
    pool_.ParallelFor(count, 1, [&](int64_t from, int64_t to, int) {
      for (int64_t i = from; i < to; ++i) {
        const auto row = static_cast<size_t>(i) * width;
        const auto row_of = [&](absl::Span<const float> rows) {
          return rows.empty() ? rows : rows.subspan(row, width);
        };
        const absl::Span<const float> ours = row_of(logits), other = row_of(theirs);
        absl::Status& fault = faults[static_cast<size_t>(i)];
        fault = Predicts(reader_.folder(), token + i, ours, *evaluation);
        if (against_) fault.Update(Predicts(against_->folder(), token + i, other, *evaluation));
        if (!fault.ok()) continue;
        positions[begin + static_cast<size_t>(i)] = {token + i,
                                                     Score(ours, tokens_.text[token + i], other)};
      }
    });
    for (const absl::Status& fault : faults) RETURN_IF_ERROR(fault);
    if (options_.progress) {
      options_.progress(static_cast<int64_t>(positions.size()), evaluation->wanted);
    }
    return absl::OkStatus();
  }

  // Whether a model's logits are a prediction of that token of the text.
  static absl::Status Predicts(const std::string& folder, int64_t token,
                               absl::Span<const float> logits, const Evaluation& evaluation) {
    const absl::Status status = engine::CheckedMaximum(logits).status();
    if (status.ok()) return status;
    return absl::InternalError(absl::StrCat(folder, ": predicts nothing for token ", token, " of ",
                                            evaluation.text_name, ": ", status.message()));
  }

  Reader reader_;
  std::optional<Reader> against_;
  TextTokens tokens_;
  const EvalOptions& options_;
  runtime::ThreadPool pool_;  // scores rows, while the models' own threads wait
  int64_t rows_;              // logits at a time
};

// The positions that are furthest off, with the text around them.
std::vector<Evaluation::Place> WorstPlaces(const Evaluation& evaluation,
                                           const tokenizer::Tokenizer& tokenizer,
                                           const std::vector<int32_t>& text) {
  const auto off = [&](const Evaluation::Position& position) {
    return evaluation.is_compared ? position.score.kl : position.score.nll;
  };
  std::vector<Evaluation::Position> worst = evaluation.positions;
  const size_t count = std::min(kWorst, worst.size());
  std::partial_sort(worst.begin(), worst.begin() + static_cast<std::ptrdiff_t>(count), worst.end(),
                    [&](const Evaluation::Position& a, const Evaluation::Position& b) {
                      return off(a) != off(b) ? off(a) > off(b) : a.token < b.token;
                    });
  worst.resize(count);
  std::vector<Evaluation::Place> places;
  for (const Evaluation::Position& position : worst) {
    const auto at = text.begin() + position.token;
    const auto from = text.begin() + std::max<int64_t>(0, position.token - kTokensBefore);
    const bool skip_special = false;
    places.push_back({position, tokenizer.Decode({from, at}, skip_special),
                      tokenizer.Decode({at, at + 1}, skip_special)});
  }
  return places;
}

double Mean(const std::vector<Evaluation::Position>& positions, double PositionScore::* number) {
  double sum = 0;
  for (const Evaluation::Position& position : positions) sum += position.score.*number;
  return sum / static_cast<double>(positions.size());
}

}  // namespace

double Evaluation::MeanNll() const { return Mean(positions, &PositionScore::nll); }
double Evaluation::MeanAgainstNll() const { return Mean(positions, &PositionScore::against_nll); }
double Evaluation::MeanKl() const { return Mean(positions, &PositionScore::kl); }

double Evaluation::NllError() const {
  const double mean = MeanNll(), count = static_cast<double>(positions.size());
  double squares = 0;
  for (const Position& position : positions) {
    squares += (position.score.nll - mean) * (position.score.nll - mean);
  }
  return count > 1 ? std::sqrt(squares / (count - 1) / count)
                   : std::numeric_limits<double>::quiet_NaN();
}

double Evaluation::KlQuantile(double share) const {
  if (positions.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::vector<double> values;
  for (const Position& position : positions) values.push_back(position.score.kl);
  return NearestRank(std::move(values), share);
}

double Evaluation::BitsPerByte() const {
  return MeanNll() * static_cast<double>(positions.size()) / std::log(2.0) /
         static_cast<double>(bytes);
}

int64_t Evaluation::SameTop() const {
  return std::count_if(positions.begin(), positions.end(),
                       [](const Position& position) { return position.score.same_top; });
}

absl::StatusOr<Evaluation> Evaluate(engine::Model* model, engine::Model* against,
                                    const EvalText& text, const EvalOptions& options) {
  const tokenizer::Tokenizer& tokenizer = *model->tokenizer();
  TextTokens tokens = TokensOf(tokenizer, text.text);
  if (options.tokens > 0 && static_cast<int64_t>(tokens.text.size()) > options.tokens) {
    tokens.text.resize(static_cast<size_t>(options.tokens));
  }
  const auto front = static_cast<int64_t>(tokens.front.size());
  Evaluation evaluation;
  evaluation.text_name = text.name;
  evaluation.tokens = static_cast<int64_t>(tokens.text.size());
  const int64_t needed = front > 0 ? 1 : 2;
  if (evaluation.tokens < needed) {
    return absl::InvalidArgumentError(absl::StrCat(
        text.name, ": has ", evaluation.tokens, evaluation.tokens == 1 ? " token" : " tokens", ", ",
        needed, needed == 1 ? " is" : " are", " needed to predict one"));
  }
  const int64_t held =
      std::min(model->context(), against == nullptr ? model->context() : against->context());
  evaluation.window = options.window == 0 ? std::min(held, kUsualWindow) : options.window;
  const int64_t of_text = evaluation.window - front;
  if (of_text < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("a window of ", evaluation.window, " tokens, must be at least ", front + 2));
  }
  evaluation.stride = options.stride == 0 ? of_text / 2 : options.stride;
  if (evaluation.stride < 1 || evaluation.stride > of_text) {
    return absl::InvalidArgumentError(
        absl::StrCat("a stride of ", evaluation.stride, " tokens, must be 1 to ", of_text));
  }
  ASSIGN_OR_RETURN(Reader reader, Reader::Create(model, evaluation.window));
  std::optional<Reader> against_reader;
  if (against != nullptr) {
    ASSIGN_OR_RETURN(against_reader, Reader::Create(against, evaluation.window));
    RETURN_IF_ERROR(CheckSameVocabulary(*model, reader, *against, *against_reader, text, tokens));
    evaluation.is_compared = true;
  }
  for (const int32_t token : tokens.text) {
    if (token < reader.vocabulary()) continue;
    return absl::InvalidArgumentError(absl::StrCat(model->folder(), ": ", text.name, " has token ",
                                                   token, ", the model knows ",
                                                   reader.vocabulary()));
  }
  const std::vector<Window> windows =
      CutWindows(evaluation.tokens, of_text, evaluation.stride, front > 0);
  for (const Window& window : windows) evaluation.wanted += window.end - window.counted;
  if (!options.against_logits.empty()) {
    if (static_cast<int64_t>(options.against_logits.size()) != evaluation.wanted * reader.width()) {
      return absl::InvalidArgumentError(absl::StrCat(
          model->folder(), ": ", options.against_logits.size(), " logits to compare with, ",
          evaluation.wanted, " positions of ", reader.width(), " are read"));
    }
    evaluation.is_compared = true;
  }
  const std::vector<int32_t> ids = tokens.text;
  Evaluator evaluator(std::move(reader), std::move(against_reader), std::move(tokens), options,
                      model->threads());
  RETURN_IF_ERROR(evaluator.Run(windows, &evaluation));
  for (const Evaluation::Position& position : evaluation.positions) {
    evaluation.bytes += static_cast<int64_t>(tokenizer.TokenBytes(ids[position.token]).size());
  }
  evaluation.worst = WorstPlaces(evaluation, tokenizer, ids);
  return evaluation;
}

}  // namespace lluda::tools
