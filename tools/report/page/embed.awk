# Writes page.html as a C++ string, with each style sheet and script that it names in its place.
function fail(what) {
  print "embed.awk: " what > "/dev/stderr"
  failed = 1
  exit 1
}
# The attribute's value in this line, as a file beside the page.
function file(attribute) {
  if (!match($0, attribute "=\"[^\"]*\"")) fail("no " attribute " in: " $0)
  name = substr($0, RSTART + length(attribute) + 2, RLENGTH - length(attribute) - 3)
  folder = FILENAME
  sub(/[^\/]*$/, "", folder)
  return folder name
}
function put(path) {
  while ((status = (getline line < path)) > 0) print line
  if (status < 0) fail("cannot read " path)
  close(path)
}
BEGIN { print "inline constexpr char kReportPage[] = R\"lluda_page(" }
/<link rel="stylesheet"/ { print "<style>"; put(file("href")); print "</style>"; next }
/<script src=/ { print "<script>"; put(file("src")); print "</script>"; next }
{ print }
END { if (!failed) print ")lluda_page\";" }
