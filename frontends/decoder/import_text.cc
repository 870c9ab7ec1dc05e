#include "frontends/decoder/import_text.h"

#include "gtest/gtest.h"
#include "ir/check/verifier.h"
#include "ir/text/printer.h"

namespace lluda::frontends::decoder {

std::string Import(const Decoder& decoder, const ImportOptions& options) {
  const auto module = ImportDecoder(decoder, options);
  EXPECT_TRUE(module.ok()) << module.status();
  if (!module.ok()) return "";
  const absl::Status sound = ir::Verify(**module);
  EXPECT_TRUE(sound.ok()) << sound;
  return ir::PrintModule(**module);
}

std::string ImportError(const Decoder& decoder, const ImportOptions& options) {
  const auto module = ImportDecoder(decoder, options);
  EXPECT_FALSE(module.ok());
  return module.ok() ? "" : std::string(module.status().message());
}

}  // namespace lluda::frontends::decoder
