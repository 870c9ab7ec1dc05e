#include "codegen/disassembly.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::codegen {
namespace {

using ::testing::HasSubstr;

// A page of constants, then
//   first:   movss 16(%rip's constant), %xmm0; jmp to its own end; nop; call second; ret; nops
//   second:  ret
std::string Bytes() {
  std::string bytes(64, '\0');
  bytes.replace(16, 4, std::string("\x00\x00\x80\x3f", 4));     // 1.0f
  bytes += std::string("\xf3\x0f\x10\x05\xc8\xff\xff\xff", 8);  // 64: movss -56(%rip), %xmm0
  bytes += std::string("\xeb\x01", 2);                          // 72: jmp 75
  bytes += std::string("\x90", 1);                              // 74: nop
  bytes += std::string("\xe8\x10\x00\x00\x00", 5);              // 75: call 96
  bytes += std::string("\xc3", 1);                              // 80: ret
  bytes += std::string(15, '\x90');
  bytes += std::string("\xc3", 1);  // 96
  return bytes;
}

TEST(DisassemblyTest, PlacesThatAFunctionRefersToHaveNames) {
  const std::string bytes = Bytes();
  const auto text = Disassembly({bytes, 64, {{64, "first"}, {96, "second"}}}, "first");
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(text->substr(0, 7), "first:\n");
  EXPECT_THAT(*text, HasSubstr("movss\t.LC0(%rip), %xmm0\n"));
  EXPECT_THAT(*text, HasSubstr("jmp\t.L0\n\tnop\n.L0:\n\tcallq\tsecond\n"));
  // Padding is no part of a function.
  EXPECT_THAT(*text, HasSubstr("retq\n.LC0:\n\t.long\t0x3f800000, 0x00000000"));
}

TEST(DisassemblyTest, AFunctionEndsWhereTheNextOneStartsOrTheCodeDoes) {
  const std::string bytes = Bytes();
  const auto text = Disassembly({bytes, 64, {{64, "first"}, {96, "second"}}}, "second");
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text, "second:\n\tretq\n");
}

TEST(DisassemblyTest, WhatIsNoFunctionOrNoInstructionIsAnError) {
  std::string bytes = Bytes();
  const auto missing = Disassembly({bytes, 64, {{64, "first"}}}, "third");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("no function third"));
  bytes[96] = '\x06';  // PUSH ES, which 64-bit code does not have
  const auto bad = Disassembly({bytes, 64, {{64, "first"}, {96, "second"}}}, "second");
  EXPECT_EQ(bad.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(bad.status().message()), HasSubstr("second: no instruction at byte 96"));
  const auto outside = Disassembly({bytes, 64, {{32, "first"}}}, "first");
  EXPECT_THAT(std::string(outside.status().message()), HasSubstr("lies outside the code"));
}

}  // namespace
}  // namespace lluda::codegen
