#include "serve/api/multipart.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace lluda::api {
namespace {

constexpr char kType[] = "multipart/form-data; boundary=xyz";

std::string Part(const std::string& parameters, const std::string& content) {
  return absl::StrCat("--xyz\r\nContent-Disposition: form-data; ", parameters, "\r\n\r\n", content,
                      "\r\n");
}

std::vector<FormPart> Read(const std::string& type, const std::string& body) {
  std::vector<FormPart> parts;
  const Refusal refusal = ReadForm(type, body, &parts);
  EXPECT_FALSE(refusal.has_value()) << refusal->message;
  return parts;
}

std::string Refused(const std::string& type, const std::string& body) {
  std::vector<FormPart> parts;
  const Refusal refusal = ReadForm(type, body, &parts);
  if (!refusal) return "";
  EXPECT_EQ(refusal->code, "invalid_form");
  EXPECT_EQ(refusal->status, 400);
  return refusal->message;
}

TEST(Multipart, HasPartsWithNamesAndFiles) {
  const std::string body =
      absl::StrCat(Part("name=\"model\"", "asr"),
                   Part("name=\"file\"; filename=\"a \\\"b\\\".wav\"\r\nContent-Type: audio/wav",
                        "RIFF\r\n--xy\r\n"),
                   "--xyz--\r\n");
  const std::vector<FormPart> parts = Read(kType, body);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].name, "model");
  EXPECT_EQ(parts[0].content, "asr");
  EXPECT_EQ(parts[0].file_name, "");
  EXPECT_EQ(parts[1].name, "file");
  EXPECT_EQ(parts[1].file_name, "a \"b\".wav");
  EXPECT_EQ(parts[1].content, "RIFF\r\n--xy\r\n");
}

TEST(Multipart, NamesOfFieldsAndTypesHaveAnyCaseAndQuotesAreNotNeeded) {
  const std::string body =
      "--xyz\r\ncontent-type: text/plain\r\nCONTENT-DISPOSITION: Form-Data; "
      "name=a\r\n\r\n1\r\n--xyz--";
  const std::vector<FormPart> parts = Read("Multipart/Form-Data; Boundary=\"xyz\"", body);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].name, "a");
  EXPECT_EQ(parts[0].content, "1");
}

TEST(Multipart, WhatStandsAroundTheBoundariesIsForNobody) {
  // The parts are views of it.
  const std::string body = absl::StrCat("hello\r\n", Part("name=a", "1"), "--xyz--\r\nbye");
  const std::vector<FormPart> parts = Read(kType, body);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].content, "1");
}

TEST(Multipart, AFormWithoutPartsIsEmpty) { EXPECT_TRUE(Read(kType, "--xyz--\r\n").empty()); }

TEST(Multipart, AnEmptyPartIsEmpty) {
  EXPECT_EQ(Read(kType, absl::StrCat(Part("name=a", ""), "--xyz--"))[0].content, "");
}

TEST(Multipart, WhatIsNoFormIsRefused) {
  const std::string whole = absl::StrCat(Part("name=a", "1"), "--xyz--");
  constexpr char kNoBoundary[] =
      "the request's form names no boundary of 1 to 70 bytes in its Content-Type";
  EXPECT_EQ(Refused("multipart/form-data", whole), kNoBoundary);
  EXPECT_EQ(Refused("multipart/form-data; boundary=", whole), kNoBoundary);
  EXPECT_EQ(Refused("multipart/form-data; boundary=\"xyz", whole), kNoBoundary);
  EXPECT_EQ(Refused("multipart/form-data; boundary=" + std::string(71, 'x'), whole), kNoBoundary);
  EXPECT_EQ(Refused("application/json", whole), kNoBoundary);
  EXPECT_EQ(Refused(kType, ""), "the request's form does not have its boundary");
  EXPECT_EQ(Refused(kType, "--xyzzy"), "the request's form has more behind a boundary");
  EXPECT_EQ(Refused(kType, Part("name=a", "1")),
            "the request's form is cut off: its last boundary is missing");
  EXPECT_EQ(Refused(kType, absl::StrCat(Part("filename=a", "1"), "--xyz--")),
            "the request's form has a part without a name");
  EXPECT_EQ(Refused(kType, "--xyz\r\nContent-Disposition: form-data; name=a\r\n1\r\n--xyz--"),
            "the request's form has a part without the end of its head");
}

TEST(Multipart, TooManyPartsAreRefused) {
  std::string body;
  for (size_t i = 0; i <= kMostFormParts; ++i) body += Part("name=a", "1");
  EXPECT_EQ(Refused(kType, body + "--xyz--"), "the request's form has more than 64 parts");
}

}  // namespace
}  // namespace lluda::api
