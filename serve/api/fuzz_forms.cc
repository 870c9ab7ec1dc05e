// Damages forms, reproducibly: each is read, or refused in one line; its parts lie in its body.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutate_text.h"
#include "serve/api/multipart.h"
#include "serve/api/transcription_request.h"

namespace lluda::api {
namespace {

constexpr int kIterations = 20000;

constexpr std::string_view kBody =
    "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n"
    "Content-Type: audio/wav\r\n\r\nRIFF1234\r\n--xyz\r\n"
    "Content-Disposition: form-data; name=temperature\r\n\r\n0.5\r\n--xyz--\r\n";

constexpr std::string_view kFragments[] = {"--xyz", "\r\n", "\r\n\r\n", "--", ";",   "=",
                                           "\"",    "\\",   "name=",    ":",  "\xFF"};

TEST(FuzzForms, DamagedFormsAreReadOrRefusedWithOneLine) {
  std::mt19937 random(20251129);
  int read = 0, refused = 0;
  for (int i = 0; i < kIterations; ++i) {
    const std::string body = base::MutateText(std::string(kBody), kFragments, &random);
    const std::string type =
        i % 8 != 0 ? "multipart/form-data; boundary=xyz"
                   : base::MutateText("multipart/form-data; boundary=xyz", kFragments, &random);
    std::vector<FormPart> parts;
    Refusal refusal = ReadForm(type, body, &parts);
    for (const FormPart& part : parts) {
      ASSERT_GE(part.content.data(), body.data());
      ASSERT_LE(part.content.data() + part.content.size(), body.data() + body.size());
    }
    TranscriptionRequest request;
    if (!refusal) refusal = ReadTranscriptionRequest(parts, i % 2 == 0, &request);
    if (!refusal) {
      ++read;
      continue;
    }
    ++refused;
    ASSERT_EQ(refusal->status, 400);
    ASSERT_EQ(refusal->message.find('\n'), std::string::npos) << refusal->message;
    ErrorJson(*refusal);
  }
  EXPECT_GT(read, kIterations / 20);
  EXPECT_GT(refused, kIterations / 20);
}

}  // namespace
}  // namespace lluda::api
