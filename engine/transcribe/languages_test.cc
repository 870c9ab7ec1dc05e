#include "engine/transcribe/languages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"

namespace lluda::engine {
namespace {

TEST(Languages, AreFoundByNameInAnyCaseAndByCode) {
  for (const char* language : {"German", "german", "GERMAN", "de", "DE"}) {
    EXPECT_EQ(LanguageName(language).value(), "German") << language;
  }
  EXPECT_EQ(LanguageName("yue").value(), "Cantonese");
}

TEST(Languages, NoLanguageStaysNone) { EXPECT_EQ(LanguageName("").value(), ""); }

TEST(Languages, AnUnknownOneIsRefusedWithThoseThereAre) {
  const absl::StatusOr<std::string> name = LanguageName("Klingon");
  EXPECT_EQ(name.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(name.status().message()),
              testing::StartsWith("language 'Klingon' is unknown; there are Arabic, Cantonese"));
}

}  // namespace
}  // namespace lluda::engine
