#include "codegen/llvm/disassembly.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::codegen {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Constants at bytes 16 and 20, then two functions: the first reads one of them, jumps over a nop
// and calls the second, which reads the other.
std::string Bytes() {
  std::string bytes(64, '\0');
  bytes.replace(16, 8, std::string("\x00\x00\x80\x3f\x00\x00\x00\x40", 8));  // 1.0f, 2.0f
  bytes += std::string("\xf3\x0f\x10\x05\xc8\xff\xff\xff", 8);               // movss -56(%rip)
  bytes += "\xeb\x01";                                                       // 72: jmp 75
  bytes += "\x90";                                                           // nop
  bytes += std::string("\xe8\x10\x00\x00\x00", 5);                           // 75: call 96
  bytes += "\xc3\x90\x90\x90\x90" + std::string(11, '\0');                   // ret, padding
  bytes += "\xf3\x0f\x10\x05\xac\xff\xff\xff";                               // 96: movss -84(%rip)
  return bytes + "\xc3";
}

TEST(DisassemblyTest, PlacesThatAFunctionRefersToHaveNames) {
  const std::string bytes = Bytes();
  const auto text = Disassembly({bytes, 64, {{64, "first"}, {96, "second"}}}, "first");
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(text->substr(0, 7), "first:\n");
  EXPECT_THAT(*text, HasSubstr("movss\t.LC0(%rip), %xmm0\n"));
  EXPECT_THAT(*text, HasSubstr("jmp\t.L0\n\tnop\n.L0:\n\tcallq\tsecond\n"));
  // Padding is no part of a function.
  EXPECT_THAT(*text, HasSubstr("retq\n.LC0:\n\t.long\t0x3f800000\n"));
}

TEST(DisassemblyTest, AFunctionEndsWhereTheNextOneStartsOrTheCodeDoes) {
  const std::string bytes = Bytes();
  const auto text = Disassembly({bytes, 64, {{64, "first"}, {96, "second"}}}, "second");
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, StartsWith("second:\n\tmovss\t.LC0(%rip), %xmm0\n\tretq\n.LC0:\n"
                                "\t.long\t0x40000000, 0x00000000"));
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
