#!/bin/bash
# Sounds as a user has them transcribed, and what `transcribe` refuses.
set -u

readonly runner="$PWD/cli/lluda-run"
readonly asr="$PWD/reference_data/asr"
readonly sounds="$PWD/reference_data/sounds"
# shellcheck source=cli/test_helpers.sh
source cli/test_helpers.sh
export XDG_CACHE_HOME="$tmp/xdg"

# --- what is refused before a model is loaded ---
run transcribe
expect_error 2 "files is required"
run transcribe "$sounds/audio0.wav"
expect_error 2 "transcribe takes one sound or more, and behind them the MODEL"
run transcribe none.wav "$asr"
expect_error 2 "none.wav: cannot be opened: No such file or directory"
run transcribe "$sounds" "$asr"
expect_error 2 "$sounds: is a folder, not a file"
run transcribe /dev/zero "$asr"
expect_error 2 "/dev/zero: is not a regular file"
run transcribe - - "$asr"
expect_error 2 "-: stdin can be given once"
printf 'hello' >text.wav
run transcribe "$sounds/audio0.wav" text.wav "$asr"
expect_error 2 "text.wav: is no sound file: WAV, FLAC, Ogg Vorbis, Opus and MP3 are read"
head -c 1000 "$sounds/audio0.wav" >cut.wav
run transcribe cut.wav "$asr"
expect_error 2 "cut.wav: is truncated: its header promises 41600 bytes of samples, and 956 are there"
run transcribe "$sounds/audio0.wav" "$asr" --language Klingon
expect_error 2 "language 'Klingon' is unknown; there are Arabic, "

# --- a model that hears nothing ---
run transcribe "$sounds/audio0.wav" "$stories"
expect_error 2 "$stories hears nothing: it has no encoder for sound"

# --- one sound: a text, the same from stdin, in any order of flags, and with any number of threads ---
run transcribe "$sounds/audio0.wav" "$asr" --precision f32
[[ $code == 0 && $(wc -l <out) -ge 1 ]] || fail "transcribe: $(cat out err)"
cp out alone
run transcribe --threads 1 --precision f32 "$sounds/audio0.wav" "$asr"
cmp -s out alone || fail "another number of threads, another text: $(cat out err)"
"$lluda" transcribe - "$asr" --precision f32 <"$sounds/audio0.wav" >out 2>err
cmp -s out alone || fail "from stdin: $(cat out err)"

# --- the same from a bundle, without the compiler ---
run compile "$asr" -o asr.llb --precision f32
expect_out ""
run_program "$runner" asr.llb --audio "$sounds/audio0.wav"
[[ $code == 0 ]] && cmp -s out alone || fail "lluda-run hears something else: $(cat out err)"
"$runner" asr.llb --audio - <"$sounds/audio0.wav" >out 2>err
cmp -s out alone || fail "lluda-run from stdin: $(cat out err)"
python3 - "$sounds/audio0.wav" <<'MAKE'
import struct
import sys
import wave

with wave.open(sys.argv[1]) as sound:
    mono = struct.unpack("<%dh" % sound.getnframes(), sound.readframes(sound.getnframes()))
with wave.open("stereo.wav", "wb") as sound:
    sound.setparams((2, 2, 44100, 0, "NONE", ""))
    sound.writeframes(b"".join(struct.pack("<hh", x, x // 2) for x in mono for _ in range(3)))
with wave.open("30s.wav", "wb") as sound:
    sound.setparams((1, 2, 16000, 0, "NONE", ""))
    sound.writeframes(bytes(960000))
MAKE
run transcribe stereo.wav "$asr" --precision f32 --language en --context "Ada, Bob" --json
expect 0 "a sound of 44100 Hz: $(cat err)"
json_value '[f["pieces"] for f in j["files"]]' >expected
run_program "$runner" asr.llb --audio stereo.wav --language en --context "Ada, Bob" --json
expect_json lluda.transcribe/1 'j["files"][0]["file"] == "stereo.wav"'
[[ $(json_value '[f["pieces"] for f in j["files"]]') == "$(cat expected)" ]] || fail "44100 Hz: $(cat out)"
run_program "$runner" asr.llb --audio stereo.wav --audio "$sounds/audio0.wav"
[[ $code == 0 && $(head -1 out) == "stereo.wav: "* && $(tail -1 out) == "$sounds/audio0.wav: "* ]] &&
  ! grep -vq -e "^stereo.wav: " -e "^$sounds/audio0.wav: " out ||
  fail "two sounds: $(cat out err)"
run_program "$runner" asr.llb --audio cut.wav
expect_error 2 "lluda-run: cut.wav: is truncated: its header promises 41600 bytes of samples, and 956 are there"
run_program "$runner" asr.llb --audio none.wav
expect_error 2 "none.wav: cannot be opened: No such file or directory"
run_program "$runner" asr.llb --audio "$sounds/audio0.wav" --language Klingon
expect_error 2 "language 'Klingon' is unknown; there are Arabic, "
run_program "$runner" asr.llb --audio "$sounds/audio0.wav" -p x
expect_error 2 "--prompt excludes --audio"
run_program "$runner" asr.llb -p x --language en
expect_error 2 "--language requires --audio"
run compile "$stories" -o stories.llb
run_program "$runner" stories.llb --audio "$sounds/audio0.wav"
expect_error 2 "stories.llb hears nothing: it has no encoder for sound"
mkdir alone_here && cp "$runner" alone_here/
run_program alone_here/lluda-run asr.llb --audio "$sounds/audio0.wav"
expect_error 2 "alone_here/lluda-sound: cannot be run: No such file or directory"

# --- a document ---
run transcribe "$sounds/audio0.wav" "$sounds/audio3.wav" "$asr" --json --precision f32
expect_json lluda.transcribe/1 '[f["seconds"] for f in j["files"]] == [1.3, 0.42]' \
  'j["files"][0]["file"].endswith("audio0.wav")' 'not j["files"][0]["cancelled"]' \
  '[p["prompt_tokens"] for f in j["files"] for p in f["pieces"]] == [39, 29]' \
  'j["files"][0]["pieces"][0]["end"] == 1.3' \
  "j['files'][0]['text'] + '\\n' == open('alone').read() or not open('alone').read().strip()"
run transcribe "$sounds/audio0.wav" "$asr" --json --language en --context "Ada, Bob"
expect_json lluda.transcribe/1 'j["files"][0]["language"] == "English"' \
  'j["files"][0]["pieces"][0]["prompt_tokens"] > 39'

# --- a model whose weights are damaged is named, and what was done before it fails is not lost ---
python3 - "$asr" <<'MAKE'
import json
import os
import shutil
import struct
import sys


def read(folder):
    with open(folder + "/model.safetensors", "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    header.pop("__metadata__", None)
    return {name: (entry, data[slice(*entry["data_offsets"])]) for name, entry in header.items()}


def write(folder, tensors):
    header, data = {}, b""
    for name, (entry, content) in tensors.items():
        header[name] = dict(entry, data_offsets=[len(data), len(data) + len(content)])
        data += content
    text = json.dumps(header).encode()
    with open(folder + "/model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def with_nan(tensor, row):
    entry, data = tensor
    size = len(data) // entry["shape"][0]
    return entry, data[: row * size] + b"\xc0\x7f" * (size // 2) + data[(row + 1) * size :]


asr, tensors = sys.argv[1], read(sys.argv[1])
for folder in ("deaf", "mute"):
    shutil.copytree(asr, folder)
    for name in os.listdir(folder):
        os.chmod(os.path.join(folder, name), 0o644)
name = "thinker.audio_tower.proj2.bias"
write("deaf", dict(tensors, **{name: with_nan(tensors[name], 3)}))
# <tool_response>, which is written of audio3 and not of audio0, and read only as what was written.
name = "thinker.model.embed_tokens.weight"
write("mute", dict(tensors, **{"thinker.lm_head.weight": tensors[name], name: with_nan(tensors[name], 534)}))
with open("mute/config.json") as file:
    config = json.load(file)
config["thinker_config"]["text_config"]["tie_word_embeddings"] = False
with open("mute/config.json", "w") as file:
    json.dump(config, file)
MAKE
run transcribe "$sounds/audio0.wav" deaf --precision f32
expect_error 1 "lluda: deaf: at $sounds/audio0.wav: the encoder makes numbers of the sound that are not finite"
run transcribe "$sounds/audio0.wav" "$sounds/audio3.wav" mute --precision f32 --json
expect 1 "a failure behind a sound that is done"
expect_json lluda.transcribe/1 '[f["seconds"] for f in j["files"]] == [1.3]' 'j["files"][0]["text"]'
[[ $(tail -1 err) == "lluda: mute: at $sounds/audio3.wav: the logit of token 0 is NaN" ]] || fail "mute: $(cat err)"

# --- several sounds: each line has its name ---
run transcribe "$sounds/audio0.wav" "$sounds/audio0.wav" "$asr" --precision f32
[[ $code == 0 && $(grep -c "^$sounds/audio0.wav: " out) == "$(wc -l <out)" && $(wc -l <out) -ge 2 ]] ||
  fail "two sounds: $(cat out err)"

# --- weights that are quantised while they are loaded: the text's ---
run transcribe "$sounds/audio0.wav" "$asr" --weights q4_0 --json
expect 0 "transcribe --weights: $(cat err)"
json_value '[f["pieces"] for f in j["files"]]' >expected
run compile "$asr" -o q4_0.llb --weights q4_0
expect 0 "compile --weights: $(cat err)"
run_program "$runner" q4_0.llb --audio "$sounds/audio0.wav" --json
[[ $(json_value '[f["pieces"] for f in j["files"]]') == "$(cat expected)" ]] || fail "q4_0.llb: $(cat out err)"

# --- a context that is too small for a long sound ---
run transcribe "$sounds/audio0.wav" "$asr" --ctx 100
expect_error 2 "audio0.wav: the context of 100 tokens, "
run transcribe "$sounds/audio0.wav" 30s.wav "$asr" --ctx 200
expect_error 2 "30s.wav: the context of 200 tokens, "

# --- one entry of what a bundle was compiled from, as of a folder ---
run ir asr.llb --entry audio
[[ $code == 0 && $(grep -o "^  func @[a-z_]*" out) == *"@audio"* ]] || fail "ir of a bundle: $(cat err)"
grep -o "^  func @[a-z_]*" out | sort >of_bundle
run ir "$asr" --entry audio --precision f32
cmp -s of_bundle <(grep -o "^  func @[a-z_]*" out | sort) || fail "ir --entry: of a bundle $(cat of_bundle)"
run ir asr.llb --entry audio --plan --json
expect_json lluda.ir_plan/1 '[e["name"] for e in j["entries"]] == ["audio"]' \
  '"audio" in [f["func"] for f in j["frames"]]' '"step" not in [f["func"] for f in j["frames"]]'
run ir asr.llb --entry vision
expect_error 2 "--entry: there is no entry 'vision'; the entries are step, audio_chunk, audio"

# --- the encoder by itself ---
run asm "$asr" --entry audio --list
[[ $code == 0 && $(grep -c '^audio' out) == $(wc -l <out) && $(wc -l <out) -ge 10 ]] || fail "asm: $(cat out err)"
run asm "$asr" --entry audio --op step.x0
expect_error 2 "--op: no kernel of @audio computes 'step.x0'"
run asm "$asr" --entry vision --list
expect_error 2 "--entry: there is no entry 'vision'; the entries are step, audio_chunk, audio"
run explain "$asr" --entry audio --tokens 13 --json
expect_json lluda.explain/1 'j["run"] == "audio, 13 rows of sound"' \
  'all(s["name"].startswith("audio") for s in j["statements"])' 'j["seconds"] > 0'
run explain "$asr" --entry audio --depth 5
expect_error 2 "--depth: @audio has nothing before it; only the step has"
run explain "$stories" --entry audio
expect_error 2 "--entry: there is no entry 'audio'; the entries are step"
run verify "$asr" --entry audio
[[ $code == 0 && $(cat out) == "ok: "*" kernels of @audio, 2 layers, 13 rows of sound" ]] || fail "verify: $(cat out err)"
run verify "$asr" --entry audio_chunk
[[ $code == 0 && $(cat out) == "ok: "*" kernels of @audio_chunk, 1 layer, once" ]] || fail "verify: $(cat out err)"
run verify "$asr" --entry audio_chunk --tokens 1
expect_error 2 "--tokens: @audio_chunk always takes as much"
run verify asr.llb --entry audio_chunk --tokens 1
expect_error 2 "--tokens: @audio_chunk always takes as much"
run report "$asr" --entry audio --no-measure --json
expect_json lluda.report/1 'j["header"]["entry"] == "audio"' 'all(c[0].startswith("audio") for c in j["calls"])' \
  'all(f["name"] == "load" or f["name"].startswith("@audio") for f in j["functions"])'
run bench "$asr" --entry audio --seconds 3 --repeat 2 --threads 1 --json
expect_json lluda.bench_audio/1 'j["seconds"] == 3' 'j["rows"] == 39' \
  '0 < j["min"] <= j["ms_per_second"] <= j["max"]' \
  '0 < j["percent_of_limit_matmuls"] < j["percent_of_limit"]' '"against the interpreter" in j["check"]'
run bench "$asr" --entry audio_chunk
expect_error 2 "--entry: bench measures step and audio, and audio_chunk as a part of audio"
run bench "$stories" --entry audio
expect_error 2 "--entry: there is no entry 'audio'; the entries are step"

# --- Ctrl-C keeps what was transcribed ---
python3 - "$lluda" "$asr" <<'CHECK' || fail "Ctrl-C"
import signal
import subprocess
import sys
import wave

with wave.open("long.wav", "wb") as sound:
    sound.setparams((1, 2, 16000, 0, "NONE", ""))
    sound.writeframes(bytes(range(256)) * 125 * 1200)
lluda, asr = sys.argv[1:]
command = [lluda, "transcribe", "long.wav", asr, "--ctx", "1024"]
with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
    first = run.stdout.read(1)
    run.send_signal(signal.SIGINT)
    out = first + run.communicate()[0]
assert run.returncode == 130, run.returncode
assert out.endswith(b"\n") and out.strip(), out
CHECK

finish
