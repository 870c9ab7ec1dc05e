"""Writes jinja_cases.jsonl: templates, variables, and what Jinja2 3.1 makes of them.

    python3 make_jinja_cases.py > jinja_cases.jsonl      # with Debian's python3-jinja2

The environment is the one of transformers' apply_chat_template, but that lists and mappings may be changed where a case says so.
A case has the template's text or, as "error", what kind of error it ends in: "raised" by the template, with its message, "syntax", with
its line, or "runtime".
"""

import datetime
import json

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

NOW = datetime.datetime(2025, 2, 3, 4, 5, 6)


class Raised(Exception):
    pass


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_support"), [], [], body).set_lineno(line)

    def _support(self, caller):
        return caller()


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message):
    raise Raised(message)


def environment(mutable):
    kind = jinja2.sandbox.SandboxedEnvironment if mutable else jinja2.sandbox.ImmutableSandboxedEnvironment
    env = kind(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.filters["from_json"] = json.loads
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


VARS = {
    "n": 3, "z": 0, "neg": -7, "f": 2.5, "s": "Hello", "e": "", "t": True, "no": False, "nil": None,
    "u": "naïve 日本語 \U0001f600", "l": [1, 2, 3, 4], "w": ["pear", "Apple", "fig", "apple"], "sp": "  \n two  words\t ",
    "d": {"b": 1, "a": [True, None, 1.5, "x\"y'z"], "items": "mine"}, "deep": {"a": {"b": {"c": [10, 20]}}},
    "people": [{"name": "Ann", "age": 31, "tags": ["x"]}, {"name": "bob", "age": 4}, {"name": "Cid", "age": 31, "tags": []}],
    "html": "<a href=\"x\">&amp;'</a>", "q": "it's \"q\"", "nl": "a\nb\r\nc\n\nd\n",
}

# One construct a line, with VARS.
EXPRESSIONS = [
    'n', 'n + 1', 'n - 10', 'n * 2.5', '7 / 2', '6 / 2', '7 // 2', '-7 // 2', '7 % 3', '-7 % 3', '7 % -3', '2 ** 10', '2 ** -1',
    '-2 ** 2', '1.5 // 0.4', '7.5 % 2', '-7.5 % 2', 'neg // 2.0', '1 + 2 * 3 - 4 / 2', '(1 + 2) * 3', '- n', '+n', '-(-n)', '--n',
    '10 - 3 - 2', '2 ** 3 ** 2', '1 ~ 2', "'a' ~ 1 ~ none ~ true ~ 1.0", "s + ' ' + e", "'ab' * 3", "3 * 'ab'", '[1] * 3', '[1] + [2]',
    '(1,) + (2,)', '1 / 0', '1 // 0', '1 % 0', 's + 1', '1 + s', 's - s', 'none + 1', 'missing + 1', '[1] + (2,)', 's * s', '{} + {}',
    '-s', '1.0', '1e3', '1e16', '1e15', '123456789012345678.0', '0.1', '1e-4', '1e-5', '1.5e300', '-0.0', '1_000', '0x1F', '0b101',
    '0o17', '1_0.5', '100000000000000000000.0', '3.14159', '2.50', 'n == 3', 'n == 3.0', 'n != 3', 'n < 4 < 5', 'n < 2 < 5',
    '1 < n <= 3', "s == 'Hello'", "s < 'a'", '[1, 2] < [1, 3]', 'true == 1', 'none == false', 'missing == none', 'missing == missing2',
    'l == [1, 2, 3, 4]', '(1, 2) == [1, 2]', 'd == {}', "1 < 'a'", 'none < 1', 'missing < 1', '{} < {}', "'a' < 'b' < 'c'", "'ell' in s",
    "'x' in s", '2 in l', '9 in l', '9 not in l', "'a' in d", '1 in s', "'a' in none", 'missing in s', "'a' in missing", 'not n',
    'not missing', 'not not s', 'n in [3]', 'none in [none]', 't and s', 'no and s', 't or s', 'no or s', 'e or none',
    'none and missing.x', 'n and not z', 'no or e or 0', 'not no and not nil', "s if t else 'no'", "s if no else 'no'", 's if no',
    '(s if no) is defined', "'a' if no else 'b' if no else 'c'", '1 if missing else 2', "('x' if no) ~ '.'", 'none', 'true', 'True',
    'False', 'None', '[none, true, 1.5, \'a\', "it\'s"]', '(1,)', '()', '(1, 2)', '[]', '{}', "{'a': 1, 2: none}", "{'a': {'b': []}}",
    'q', '[q]', '[u]', '[\'\\t\\n\\\\\', "\\x00\\x7f\\xa0\\u200b"]', '[html]', '1, 2', 'd', "'a\\nb'", '"tab\\there"',
    "'\\x41\\u00e9\\U0001f600'", "'\\101\\0'", '\'\\q\\\'\\"\'', '\'a\' \'b\' "c"', "'back\\\\slash'", "'a\\", "b'", 's[0]', 's[-1]',
    's[9]', 's[1:3]', 's[::-1]', 's[:-1]', 's[-3:]', 's[::2]', 's[4:1:-1]', 's[9:]', 's[:0]', 'u[2]', 'u[2:4]', 'u[::-1]', 'u[-1]',
    's[n - 1:]', 's[:missing]', "s['a']", 's[1.5]', 'l[0]', 'l[-1]', 'l[9]', 'l[9] is defined', 'l[1:]', 'l[::-1]', 'l[:-1]', 'l[1:-1]',
    'l[::2]', 'l[::-2]', 'l[5:]', 'l[-99:2]', 'l[n]', "l['a']", 'l[n - 1]', 'l[::0]', '(1, 2, 3)[1:]', 'range(5)[1:3]', 'l[none:2]',
    'd[1:]', 'missing[0]', 'missing[1:]', '5[0]', 'd.b', "d['b']", 'd.a', 'd.a[3]', 'd.missing', 'd.missing.x',
    "d['missing'] is defined", "d['items']", 'd.items is callable', "d['get'] is callable", 'deep.a.b.c[1]',
    "deep['a'].b['c'][0]", 'deep.a.x.y', 'missing', 'missing.x', 'none.x', 'none.x is defined', 's.x', 's.x.y', 'n.x', 'd[none]', 'd[l]',
    'l.0', 'l.1', 'd.keys is defined', 'n is defined', 'missing is defined', 'missing is undefined', 'n is not defined',
    'd.x is defined', 'nil is none', 'n is none', 'missing is none', 'nil is not none', 'missing.x is defined', 's is string',
    'n is string', 'n is number', 't is number', 'f is number', 'n is integer', 't is integer', 'f is float', 'n is float',
    't is boolean', 'n is boolean', 't is true', 'no is false', '1 is true', 'no is true', 'd is mapping', 'l is mapping',
    'd is iterable', 'l is iterable', 's is iterable', 'n is iterable', 'missing is iterable', 'nil is iterable', 'd is sequence',
    'l is sequence', 's is sequence', 'n is sequence', 'missing is sequence', '(1, 2) is sequence', 'd.keys() is sequence',
    'range is callable', 's is callable', 'missing is callable', 's.strip is callable', 'n is odd', 'n is even', '9 is divisibleby 3',
    '9 is divisibleby(4)', 'n is in [3]', 'n is in l', 'n is eq 3', 'n is equalto 3', 'n is ne 3', 'n is gt 2', 'n is lt 2', 'n is ge 3',
    'n is le 2', 'l is sameas l', 'nil is sameas none', 's is lower', "'abc' is lower", "'ABC' is upper", "'trim' is filter",
    "'nope' is filter", "'odd' is test", 'n is greaterthan 1', 'n is lessthan 1', 'n is odd and t', 'n is not odd or t', 'n is nope',
    's is odd', 'n is divisibleby', "'a' is in 'abc'", 'n + 1 is odd', 'not n is odd', 's is string and s', 'n is defined is true', 'l',
    'l|length', 's|length', 'u|length', 'd|length', 'missing|length', 'n|length', 'nil|length', 'e|length', 'l|count', '(1, 2)|length',
    'range(4)|length', "(l|map('string'))|length", 'sp|trim', "s|trim('Ho')", 'n|trim', 'missing|trim', 'nil|trim', "'xxaxx'|trim('x')",
    "'\\u00a0\\u3000a\\u2003'|trim", 'sp|trim|length', 's|upper', 's|lower', 's|capitalize', "'hELLO wORLD'|capitalize",
    "'hello wORLD-foo (bar)'|title", 'u|upper', "'éÀß'|upper", "'ÉÀ'|lower", 'n|upper', "'straße'|capitalize", 'missing|upper',
    'nil|lower', '"it\'s a dog"|title', 'n|string', 'f|string', 'none|string', 'l|string', 'missing|string', 's|string', 'd|string',
    't|string', '(n|string) + s', '[1]|string|length', 'd|items|list', 'missing|items|list', 'd.items()',
    'd.items()|list', 'd.keys()', 'd.values()', 'd.keys()|list', 'd.keys()|length', 'd.items()|first', 'd|list', '(d|items|list)[0][1]',
    'd.items()[0]', 'w|join', "w|join(', ')", "l|join('-')", "people|join(', ', attribute='name')", "people|join('/', 'age')",
    "s|join('.')", "missing|join('x')", 'n|join', "d|join('|')", "[none, 1, 'a', 1.5]|join(',')", 'w|join(n)', "['a']|join(',')",
    "[]|join(',')", "missing|default('x')", "missing|d('x')", 'n|default(1)', "nil|default('x')", "e|default('x', true)",
    "nil|default('x', boolean=true)", 'd.q|default([])', 'missing|default', "missing.x|default('y')", 'z', 'd(5, true)',
    'missing|default(default_value=3)', 'missing|default(1, 2, 3)', 'n|default(nope=1)', 's|list', 'l|list', 'd|list', 'missing|list',
    'n|list', 'u|list', 'range(3)|list', '(1, 2)|list', 'nil|list', 'e|list', 'html|safe', 's|safe', 'n|safe', 'nil|safe',
    "people|selectattr('tags')|list", "people|selectattr('tags', 'defined')|map(attribute='name')|list",
    "people|rejectattr('tags')|map(attribute='name')|join", "people|selectattr('age', 'equalto', 31)|list|length",
    "people|selectattr('age', '>', 5)|map(attribute='name')|list", "people|selectattr('age', 'in', [4])|list|length",
    "people|selectattr('age', 'nope')|list", "people|selectattr('tags.0', 'eq', 'x')|list|length",
    "people|selectattr('x.y')|list", "l|select('odd')|list", "l|reject('odd')|list", "l|select('gt', 2)|list",
    "[0, 1, '', 'a']|select|list", "[0, 1, '', 'a']|reject|list", "l|select('divisibleby', 2)|list", 'l|select|list',
    "w|select('in', ['fig'])|list", "w|map('upper')|list", "people|map(attribute='name')|join(',')",
    "people|map(attribute='tags', default='-')|list", "people|map(attribute='tags')|list", "l|map('string')|join",
    "w|map('length')|list", "[' a ', 'b ']|map('trim')|list", "w|map('replace', 'p', 'q')|list", "l|map('nope')|list",
    "[[1], [2]]|map('first')|list", "w|map('default', 'x')|list", "people|map(attribute='tags.0')|list",
    '[[3, 4]]|map(attribute=1)|list', 'd|dictsort', "{'B': 1, 'a': 3, 'C': 2}|dictsort", "{'B': 1, 'a': 3, 'C': 2}|dictsort(true)",
    "{'B': 1, 'a': 3, 'C': 2}|dictsort(by='value')", "{'B': 1, 'a': 3}|dictsort(reverse=true)", "{'b': 1}|dictsort(false, 'nope')",
    'l|dictsort', "{1: 2, 'a': 3}|dictsort", "s|replace('l', 'L')", "s|replace('l', 'L', 1)", "s|replace('', '-')",
    "n|replace('3', '4')", "s|replace('xyz', '')", "u|replace('本', '!')", "s|replace('l')", "s|replace(old='H', new='J')",
    "'aaa'|replace('aa', 'b')", '\'{"a": [1, 2.0, null, true]}\'|from_json', '(\'{"a": 1}\'|from_json).a', "'nope'|from_json",
    "'[1]'|from_json|first", '\'"x"\'|from_json', 'nl|indent', 'nl|indent(2)', 'nl|indent(2, true)', 'nl|indent(2, blank=true)',
    "nl|indent('> ')", "nl|indent('> ', true, true)", 's|indent', 'e|indent(4, true)', 'n|indent', 'missing|indent',
    'nl|indent(width=1, first=true)', 'w|unique|list', 'w|unique(true)|list',
    "people|unique(attribute='age')|map(attribute='name')|list", '[1, 1.0, true, 2]|unique|list', '[]|unique|list',
    '[[1], [1]]|unique|list', 'l|first', 'l|last', 's|first', 's|last', '[]|first', '[]|last', '[]|first is defined', 'd|first',
    'd|last', 'missing|first', 'n|first', "(l|map('string'))|first", "(l|map('string'))|last", 'range(3)|last', 'w|sort', 'w|sort(true)',
    'w|sort(case_sensitive=true)', "people|sort(attribute='age')|map(attribute='name')|list",
    "people|sort(reverse=true, attribute='name')|map(attribute='name')|list",
    "people|sort(attribute='age,name')|map(attribute='name')|list", '[3, 1, 2]|sort', "[1, 'a']|sort", 'd|sort', 's|sort',
    '[[2, 1], [1, 9]]|sort', 'missing|sort', '[none, 1]|sort', "'42'|int", "'42.9'|int", "'x'|int", "'x'|int(7)", "' 42 '|int",
    "'0x1A'|int(base=16)", "'1A'|int(0, 16)", 'f|int', '-2.7|int', 't|int', 'nil|int', 'nil|int(3)', 'missing|int', "'1_000'|int",
    "'-5'|int", 'e|int', 'l|int', "'101'|int(base=2)", "'1e3'|int", "'4.5'|float", "'x'|float", "'x'|float(1.5)", 'n|float', 'nil|float',
    "'1e3'|float", 't|float', 'missing|float', "' 2 '|float", "'nan'|float", "'inf'|float", "'-inf'|float", '-5|abs', '(-5)|abs',
    '(-2.5)|abs', 's|abs', '2.5|round', '3.5|round', '2.567|round(2)', "2.1|round(method='ceil')", "2.19|round(1, 'floor')", 'n|round',
    '2.675|round(2)', '1234.5|round(0)', 'l|sum', '[1.5, 2]|sum', "people|sum(attribute='age')", '[]|sum', 'l|sum(start=10)', 'l|max',
    'l|min', 'w|max', 'w|min', "people|max(attribute='age')", '[]|max', '[]|min is defined', 's|reverse', 'l|reverse|list', 
    'u|reverse', 'n|reverse', 'l|tojson', 'd|tojson', 's|tojson', 'u|tojson', 'u|tojson(ensure_ascii=true)', 'none|tojson', 't|tojson',
    'f|tojson', 'n|tojson', 'd|tojson(indent=2)', 'd|tojson(indent=0)', '[]|tojson(indent=2)', '{}|tojson(indent=4)',
    "{'a': [], 'b': {}}|tojson(indent=2)", 'd|tojson(sort_keys=true)', "d|tojson(separators=(',', ':'))",
    "d|tojson(indent=2, separators=(';', '='))", 'html|tojson', '"\\u0001\\x7f\\\\\\"/"|tojson',
    '{1: 2, none: 3, true: 4, 1.5: 5}|tojson', 'missing|tojson', "{'a': missing}|tojson", '(1, 2)|tojson', 'range(2)|tojson',
    'namespace()|tojson', '[1.0, 1e20, 1e-7]|tojson', "'\\U0001f600é'|tojson(true)", '{(1, 2): 3}|tojson',
    "{'b': 1, 'a': {'d': 1, 'c': 2}}|tojson(sort_keys=true, indent=1)", "d|tojson(indent='--')", "'\\u2028'|tojson", '[nil, no]|tojson',
    "'a,b,c'.split(',')", "'a,b,c'.split(',', 1)", 'sp.split()', "'a b  c d'.split(none, 2)", "'a  b '.split(' ')", "s.split('l')[-1]",
    'e.split()', "e.split(',')", "'a,b,c'.rsplit(',', 1)", "' a b c '.rsplit(none, 1)", "' a b c '.rsplit()", "s.split('')",
    's.split(maxsplit=1)', "'aXXbXXc'.split('XX')", "'a-b-c'.split('-', -1)", "'aaa'.rsplit('aa')", 'sp.split(none, 1)',
    'sp.split(none, 0)', 's.split(1)', 'sp.strip()', 'sp.lstrip()', 'sp.rstrip()', "'xxaxx'.strip('x')", "'xyaxy'.lstrip('yx')",
    "'axx'.rstrip('x')", "s.strip('')", "'\\n\\na\\n'.lstrip('\\n')", 's.strip(none)', 's.strip(1)', "u.strip('語\\U0001f600 ')",
    "s.startswith('He')", "s.startswith('x')", "s.startswith(('x', 'H'))", "s.endswith('lo')", "s.endswith('x')",
    "s.endswith(('lo', 1))", "s.startswith('')", "s.startswith('l', 2)", "s.endswith('l', 0, 4)", 's.startswith(1)', 's.startswith()',
    "s.startswith(['H'])", 's.upper()', 's.lower()', 's.title()', '"it\'s a dog".title()', "'hELLO'.capitalize()", "s.replace('l', 'r')",
    "s.replace('l', 'r', 1)", "s.find('l')", "s.find('x')", "s.rfind('l')", "s.index('l')", "s.index('x')", "s.count('l')",
    "u.find('本')", "', '.join(w)", "'-'.join([1])", "'-'.join(s)", 'nl.splitlines()', 'nl.splitlines(true)', 's.isalpha()',
    "'12'.isdigit()", "'1a'.isalnum()", "' '.isspace()", 'e.isspace()', "'ABC'.isupper()", "'a1'.islower()", "s.removeprefix('He')",
    "s.removesuffix('lo')", 's.nope()', 's.nope', 's.upper|length', "u.count('')", "s.count('')", "d.get('b')", "d.get('x')",
    "d.get('x', 7)", "d.get('x') is none", 'd.get()', "d.get('a')[0]", 'd.copy()', 'l.index(3)', 'l.count(2)', 'l.index(9)',
    '(1, 2, 1).count(1)', 'd.get(l)', "d.get(none, 'n')", 'range(3)', 'range(1, 4)|list', 'range(5, 0, -2)|list', 'range(0)|list',
    'range(3)|list', 'range()', 'range(1, 2, 0)', "range('a')", 'range(100001)', 'range(100000)|length', 'range(2, 8, 3)|sum',
    'range(3)[-1]', 'dict(a=1, b=2)', "dict({'x': 1}, y=2)", "dict([('a', 1)])", 'dict()', 'namespace(a=1).a', 'namespace(a=1).b',
    'namespace(a=1).b is defined', "namespace({'q': 2}).q", "dict(a=1)['a']", "raise_exception('it failed: ' ~ s)",
    "strftime_now('%Y-%m-%d')", "strftime_now('%d %b %Y %H:%M:%S %A %B %j')", "strftime_now('')", "strftime_now('%B %d, %Y')",
    'raise_exception()', 'nope()', 's()', 'none()', 'd.x()', 'missing.x()', 'l[0]()', 'n|nope', 'n|default(missing)',
    'l|length|string|length', '(s|upper).lower()', 's|upper ~ s', '-n|abs', "n|string + 'a'", 'not s|length == 5', 's|length > 3',
    '[s|upper, n]', "{'a': s|upper}.a", '(l|length) - 1', 'messages|length', 'l|length - 1', 's[', 's]', '{{', '(1', '[1', '{1}',
    '{1: 2', "'a", '1 +', '+', '* 2', '1 2', 's s', 'a.', 'a..b', 'a[', 'a|', '|', 'if', '1 if', 'is', 'n is', 'f(', 'f(a=', 'f(a=1, 2)',
    'f(*l, *l)', 'f(**d, *l)', 'f(a=1, a=2)', '$', 'a ? b', 'a && b', 'a = 1', 'a; b', '%', "'\\x4'", "'\\u12'", "'\\N{DASH}'",
    's[1:2:3:4]', 'lambda: 1', '@', 'a\\', '1..2', 'n.', 'not', 'a not b', "{'a'}", '(', '()()', '1,,2', '[,]', 'f(,)', '|upper', 'a|1',
    '~1', 'a ~', 'é', '日本 + 1',
]

TEMPLATES = [
    # text, white space, comments, raw
    "plain", "", "\n", "a\n", "a\n\n", "a\r\nb\rc\r\n", "{# c #}a", "a {# c #} b", "  {# c #}\nb", "a\n  {#- c -#}  \nb", "{#", "{# #", "a {% raw %}{{ x }}{% endraw %} b",
    "{% raw %}\n a {% if %} {% endraw %}\nb", "{%- raw -%}  a  {%- endraw -%}  b", "a  {% raw +%}x{% endraw %}", "{% raw %}a", "{% raw x %}a{% endraw %}",
    "  {% if t %}\n  a\n  {% endif %}\nb", "x  {% if t %}  a  {% endif %}  b", "x {%- if t -%} a {%- endif -%} b", "  {%+ if t %}\n a{% endif +%}\nb", "\n\n  {%- if t %}\n\na\n  {%- endif %}\n",
    "  {{ n }}  \n  {{- n -}}  \n x", "{{n}}{{- n}}{{n -}} x", "{{ n }}\n{{ n }}\n", "{%if t%}a{%endif%}", "{%   if   t   %}a{%\nendif\n%}\nb", "a{{ '}}' }}b", "a{{ {'a': {'b': 1}}['a']['b'] }}b", "{% set x = {'a': 1} %}{{ x }}",
    "a { b } % } {", "{ {n} }", "a{{ n }", "a{{ n", "a{% if t", "{% if t %}a", "{% endif %}", "{% nope %}", "{% if t %}{% endfor %}", "{% %}", "{{ }}", "{% 1 %}", "a\n{% if t %}\nb {{ 1 + }}\n{% endif %}", "\n\n {{ ( }}", "a\u00a0{%- if t %}b{% endif %}",
    "\t{% if t %}\ta{% endif %}", "a\n \t {% set x = 1 %}\n \t b", "{{ n }} {% if t %}\n{% endif %}\n\n", "{{ s }}{# a\nb #}\nc", "é{{ n }}日\n  {% if t %}本{% endif %}",
    # if
    "{% if n == 3 %}a{% elif n == 4 %}b{% else %}c{% endif %}", "{% if no %}a{% elif n == 3 %}b{% else %}c{% endif %}", "{% if no %}a{% elif no %}b{% else %}c{% endif %}", "{% if no %}a{% elif no %}b{% endif %}",
    "{% if t and (n > 2 or missing) and not no %}yes{% endif %}", "{% if t: %}a{% endif %}", "{% if %}a{% endif %}", "{% if t %}{% if no %}a{% else %}b{% endif %}{% endif %}", "{% if t %}a{% else %}b{% else %}c{% endif %}", "{% if l, %}a{% endif %}", "{% if missing.x %}a{% endif %}",
    # for
    "{% for i in l %}{{ i }},{% endfor %}", "{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}",
    "{% for i in l %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }};{% endfor %}", "{% for i in l %}{{ loop.previtem is defined }}{{ loop.nextitem is undefined }} {% endfor %}", "{% for i in l %}{{ loop.cycle('a', 'b', 'c') }}{% endfor %}",
    "{% for p in people %}{{ loop.changed(p.age) }} {% endfor %}", "{% for i in [1, 1, 2, 2, 1] %}{% if loop.changed(i) %}{{ i }}{% endif %}{% endfor %}", "{% for i in l %}{{ loop.depth }}{{ loop.depth0 }}{% for j in w %}{{ loop.depth }}{% endfor %}{% endfor %}", "{% for i in l %}{{ loop.nope }}|{% endfor %}", "{% for i in l %}{{ loop.nope.x }}{% endfor %}",
    "{% for i in [] %}a{% else %}none{% endfor %}", "{% for i in l %}a{% else %}none{% endfor %}", "{% for i in missing %}a{% else %}none{% endfor %}", "{% for i in n %}a{% endfor %}", "{% for i in nil %}a{% endfor %}", "{% for i in u %}[{{ i }}]{% endfor %}", "{% for k in d %}{{ k }},{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k, v in d|items %}{{ k }}={{ v }};{% endfor %}", "{% for k, v in d|dictsort %}{{ k }}={{ v }};{% endfor %}", "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for a, b in [(1, 2, 3)] %}{% endfor %}", "{% for a, b in [1] %}{% endfor %}", "{% for a, b in ['xy'] %}{{ a }}{{ b }}{% endfor %}",
    "{% for i in l if i % 2 %}{{ i }}{{ loop.index }}{{ loop.length }}{{ loop.last }} {% endfor %}", "{% for i in l if i > 9 %}a{% else %}none{% endfor %}", "{% for p in people if p.tags %}{{ p.name }}{% endfor %}", "{% for i in l %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}.",
    "{% for i in l %}{% for j in l %}{% if j > i %}{% break %}{% endif %}{{ j }}{% endfor %};{% endfor %}", "{% break %}", "{% for i in l %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}", "{% for i in l %}{{ loop.index }}{% for j in w %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}", "{{ loop }}", "{{ loop.index }}",
    "{% for i in l[::-1] %}{{ i }}{% endfor %}", "{% for i in range(3) %}{{ i }}{% endfor %}", "{% for i in 1, 2, 3 %}{{ i }}{% endfor %}", "{% for i in (1, 2) if t else [] %}{{ i }}{% endfor %}", "{% for i in l %}{% set n = i %}{{ n }}{% endfor %}{{ n }}", "{% for i in l %}{{ x is defined }}{% set x = i %}{{ x }} {% endfor %}", "{% for n in l %}{% endfor %}{{ n }}",
    "{% for i in l %}a", "{% for i l %}{% endfor %}", "{% for in l %}{% endfor %}", "{% for i in %}{% endfor %}", "{% for a.b in l %}{% endfor %}", "{% for none in l %}{% endfor %}", "{% for i in l|map('string') %}{{ loop.length }}{{ i }}{% endfor %}", "{% for m in people %}{{ loop.index0 }}{{ people[loop.index0 - 1].name }}{% if not loop.last and people[loop.index0 + 1].age == 31 %}*{% endif %}{% endfor %}",
    # set
    "{% set x = 1 %}{{ x }}", "{% set x, y = 1, 2 %}{{ x }}{{ y }}", "{% set x, y = y1, n %}{{ x }}{{ y }}", "{% set (x, y) = [1, 2] %}{{ x }}{{ y }}", "{% set x, y = [1] %}", "{% set x = 1, 2 %}{{ x }}", "{% set x %}a{{ n }}b{% endset %}[{{ x }}]{{ x is string }}", "{% set x | upper %}a{{ s }}{% endset %}{{ x }}", "{% set x | upper | replace('A', 'b') %}a{{ s }}{% endset %}{{ x }}",
    "{% set x %}{% set y = 1 %}{{ y }}{% endset %}{{ x }}{{ y }}", "{% set n = n + 1 %}{{ n }}", "{% set x = n if t else s %}{{ x }}", "{% if t %}{% set x = 1 %}{% endif %}{{ x }}", "{% if no %}{% set n = 1 %}{% endif %}{{ n }}", "{% set ns = namespace(x=0) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}", "{% set ns = namespace() %}{% set ns.a = 1 %}{{ ns.a }}{{ ns.b is defined }}",
    "{% set ns.a = 1 %}", "{% set d.a = 1 %}", "{% set ns = namespace(found=false) %}{% for p in people %}{% if p.age == 4 %}{% set ns.found = true %}{% endif %}{% endfor %}{{ ns.found }}", "{% set ns = namespace(x=1) %}{% set ns.t %}body{{ ns.x }}{% endset %}{{ ns.t }}", "{% set x = %}", "{% set = 1 %}", "{% set 1 = 2 %}", "{% set true = 2 %}", "{% set x %}a", "{% set x = 1 2 %}", "{% set a.b.c = 1 %}",
    # with, filter, generation
    "{% with a = 1, b = n %}{{ a }}{{ b }}{% set q = 2 %}{% endwith %}{{ a }}{{ q }}", "{% with %}{% set a = 1 %}{{ a }}{% endwith %}{{ a }}", "{% with n = 1, b = n %}{{ b }}{% endwith %}", "{% filter upper %}a{{ s }}{% endfilter %}", "{% filter replace('a', 'b') | upper %}aa{{ s }}{% set q = 1 %}{% endfilter %}{{ q }}", "{% filter nope %}a{% endfilter %}", "{% filter trim %}  a \n {% endfilter %}|", "{% filter indent(2) %}a\nb{% endfilter %}",
    "{% generation %}a{{ n }}{% set q = 1 %}{% endgeneration %}{{ q }}", "{% for i in l %}{% generation %}{{ i }}{{ loop.index }}{% endgeneration %}{% endfor %}", "{%- generation -%}\n a \n{%- endgeneration -%}\nb", "{% generation %}a",
    # macros
    "{% macro m(a, b=2) %}[{{ a }},{{ b }}]{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(b=1, a=2) }}{{ m() }}{{ m(1, b=none) }}", "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}", "{% macro m(a, b=n + 1) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}", "{% macro m() %}a{% endmacro %}{{ m(1) }}", "{% macro m(a) %}a{% endmacro %}{{ m(b=1) }}", "{% macro m(a) %}a{% endmacro %}{{ m(1, a=1) }}",
    "{% macro m(a) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}{{ m() }}", "{% macro m(a) %}{% if a > 0 %}{{ a }}{{ m(a - 1) }}{% endif %}{% endmacro %}{{ m(3) }}", "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}b{{ n }}{% endmacro %}{{ a() }}", "{{ m() }}{% macro m() %}a{% endmacro %}", "{% macro m() %}{% set n = 9 %}{{ n }}{% endmacro %}{{ m() }}{{ n }}", "{% set q = 1 %}{% macro m() %}{{ q }}{% endmacro %}{% set q = 2 %}{{ m() }}",
    "{% macro m(x) %}\n  {{- x }}\n{% endmacro %}\n{{ m(1) }}|{{ m(2)|trim }}|{{ m(3) is string }}", "{% macro m(x) %}{{ x.name }}{% endmacro %}{% for p in people %}{{ m(p) }}{% endfor %}", "{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}", "{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*[1, 2]) }}{{ m(**{'a': 3, 'b': 4}) }}{{ m(1, **{'b': 5}) }}", "{% macro m(a) %}a{% endmacro %}{{ m.name }}{{ m is callable }}", "{% macro m(a, a) %}{% endmacro %}", "{% macro m(a=1, b) %}{% endmacro %}", "{% macro m %}{% endmacro %}", "{% macro m() %}", "{% macro m(x) %}{{ x is defined }}{{ x }}{% endmacro %}{{ m() }}{{ m(missing) }}", "{% macro m(l) %}{% for i in l %}{{ loop.index }}{{ i }}{% endfor %}{% endmacro %}{% for j in [1, 2] %}{{ m(w) }}{{ loop.index }}{% endfor %}", "{% if t %}{% macro m() %}x{% endmacro %}{% endif %}{{ m() }}", "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}",
    # what is refused, here and there
    "{% for i in range(10) %}{{ raise_exception('stop at ' ~ i) if i == 2 }}{% endfor %}", "a{{ raise_exception('first\nsecond') }}", "{{ ''.__class__ }}|{{ ''.__class__.x }}", "{{ s.__class__() }}", "{{ d.x.y.z }}",
]

MUTABLE = [
    "{% set x = [1] %}{{ x.append(2) }}{{ x }}", "{% set x = [] %}{% for i in l %}{% set _ = x.append(i * 2) %}{% endfor %}{{ x }}", "{% set x = [1, 2, 3] %}{{ x.pop() }}{{ x.pop(0) }}{{ x }}", "{% set x = {'a': 1, 'b': 2, 'c': 3} %}{{ x.pop('a') }}{{ x }}{{ x.pop('q', 5) }}{{ x.b }}{{ x['c'] }}", "{{ [].pop() }}", "{{ {}.pop('a') }}", "{% set x = [3] %}{{ x.pop(-1) }}{{ x }}", "{{ [1].pop(5) }}",
]

MESSAGES = [
    [{"role": "user", "content": "Hi"}],
    [{"role": "system", "content": " Be brief. "}, {"role": "user", "content": "Hi {{ x }} {% if %} <|end|>"}, {"role": "assistant", "content": "Yes.\n"}, {"role": "user", "content": ""}],
    [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
    [{"role": "system", "content": "s"}],
    [{"role": "user", "content": [{"type": "text", "text": "part"}, {"type": "image"}, {"type": "text", "text": " two"}]}],
    [{"role": "user", "content": "weather?"}, {"role": "assistant", "content": None, "tool_calls": [{"id": "call00001", "type": "function", "function": {"name": "get", "arguments": {"city": "Zürich", "n": 1.0}}}]},
     {"role": "tool", "tool_call_id": "call00001", "name": "get", "content": "{\"t\": 3}"}, {"role": "assistant", "content": "Cold."}, {"role": "user", "content": "Thanks"}],
]
TOOLS = [None, [{"type": "function", "function": {"name": "get", "description": "It's <b>", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]]

# In the style of templates that people use.
CHATS = {
    "headers": """{{- bos_token }}
{%- if not date_string is defined %}{%- set date_string = strftime_now("%d %b %Y") %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|header|>system<|end_header|>\\n\\n" }}
{%- if tools is not none %}{{- "Environment: tools\\n" }}{%- endif %}
{{- "Today: " + date_string + "\\n\\n" + system_message + "<|end|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|header|>' + message['role'] + '<|end_header|>\\n\\n' }}
        {%- if message['content'] is string %}{{- message['content'] | trim + '<|end|>' }}
        {%- else %}{%- for part in message['content'] %}{%- if part['type'] == 'text' %}{{- part['text'] }}{%- endif %}{%- endfor %}{{- '<|end|>' }}{%- endif %}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}{{- raise_exception("One call at once!") }}{%- endif %}
        {%- set call = message.tool_calls[0].function %}
        {{- '{"name": "' + call.name + '", "parameters": ' }}{{- call.arguments | tojson }}{{- "}<|end|>" }}
    {%- else %}
        {{- "<|header|>ipython<|end_header|>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable %}{{- message.content | tojson }}{%- else %}{{- message.content }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|header|>assistant<|end_header|>\\n\\n' }}{%- endif %}
""",
    "inst": """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("Roles must alternate user/assistant/user/...") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}{{- '"' + key + '": "' + val + '"' }}{%- else %}{{- '"' + key + '": ' + val|tojson }}{%- endif %}
                    {%- if not loop.last %}{{- ", " }}{%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" }}{%- endif %}
            {%- endfor %}
            {{- "[/TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system_message is defined %}{{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}{{- "[INST] " + message["content"] + "[/INST]" }}{%- endif %}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- "[CALLS] [" }}
        {%- for tool_call in message.tool_calls %}
            {%- set out = tool_call.function|tojson %}
            {{- out[:-1] }}
            {%- if not tool_call.id is defined or tool_call.id|length != 9 %}{{- raise_exception("Ids have 9 letters!") }}{%- endif %}
            {{- ', "id": "' + tool_call.id + '"}' }}
            {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" + eos_token }}{%- endif %}
        {%- endfor %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token }}
    {%- elif message["role"] == "tool" %}
        {{- '[RESULTS] {"content": ' + message.content|string + ', "id": "' + message.tool_call_id + '"}[/RESULTS]' }}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported!") }}
    {%- endif %}
{%- endfor %}
""",
    "turns": """{{ bos_token }}{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}{%- set first_user_prefix = messages[0]['content'] + '\n\n' -%}
    {%- else -%}{%- set first_user_prefix = messages[0]['content'][0]['text'] + '\n\n' -%}{%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}{%- set first_user_prefix = "" -%}{%- set loop_messages = messages -%}{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}{{ raise_exception("Roles must alternate") }}{%- endif -%}
    {%- if (message['role'] == 'assistant') -%}{%- set role = "model" -%}{%- else -%}{%- set role = message['role'] -%}{%- endif -%}
    {{ '<start>' + role + '\n' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}{{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}{%- if item['type'] == 'image' -%}{{ '<image>' }}{%- elif item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}{%- endfor -%}
    {%- else -%}{{ raise_exception("Invalid content type") }}{%- endif -%}
    {{ '<end>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{'<start>model\n'}}{%- endif -%}
""",
    "pipes": "{% for message in messages %}{% if message['role'] == 'system' and 'tools' in message and message['tools'] is not none %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|tool|>' + message['tools'] + '<|/tool|>' + '<|end|>' }}"
             "{% else %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% else %}{{ eos_token }}{% endif %}",
    "im": "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou help.<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content']|string + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "typescript": """{%- macro type_of(spec) -%}
    {%- if spec.type == "array" -%}{{ type_of(spec["items"]) }}[]
    {%- elif spec.enum is defined and spec.enum is sequence -%}{{ spec.enum | map("tojson") | join(" | ") }}
    {%- elif spec.type == "object" and spec.properties -%}{
        {%- for name, value in spec.properties | dictsort -%}{{ name }}{{ "?" if name not in spec.get("required", []) }}: {{ type_of(value) }}{{ ", " if not loop.last }}{%- endfor -%} }
    {%- else -%}{{ spec.type | default("any") }}{%- endif -%}
{%- endmacro -%}
{%- macro describe(tool, indent=0) -%}
{{ " " * indent }}// {{ tool.description | default("none", true) | replace("\\n", " ") }}
{{ " " * indent }}{{ tool.name }} = ({{ type_of(tool.parameters) }}) => any;
{%- endmacro -%}
{%- if tools %}{% for tool in tools %}{{ describe(tool.function, indent=2) }}
{% endfor %}{% endif -%}
{%- for message in messages -%}
{%- set text %}{% if message.content is string %}{{ message.content }}{% else %}{{ (message.content or []) | selectattr("type", "equalto", "text") | map(attribute="text") | join("") }}{% endif %}{% endset -%}
{{ message.role | upper }}: {% filter indent(4) %}{{ text }}{% endfilter %}
{% generation %}{{ "." if loop.last else ";" }}{% endgeneration %}
{% endfor %}""",
}


def case(env, name, source, variables, with_variables):
    result = {"template": source}
    if name:
        result["mutable"] = True
    if with_variables:
        result["variables"] = variables
    try:
        result["text"] = env.from_string(source).render(**json.loads(json.dumps(variables)))
        result["text"].encode()
    except Raised as error:
        result.update(error="raised", message=str(error))
    except jinja2.exceptions.TemplateAssertionError:
        result.update(error="runtime")  # an unknown filter or test: here, when it is met
    except jinja2.exceptions.TemplateSyntaxError as error:
        result.update(error="syntax", line=error.lineno)
    except (SyntaxError, UnicodeError):
        result.update(error="syntax")
    except Exception:  # whatever Python raises
        result.update(error="runtime")
    if "error" in result:
        result.pop("text", None)
    print(json.dumps(result, ensure_ascii=False))


def main():
    env = environment(mutable=False)
    print(json.dumps({"variables": VARS}, ensure_ascii=False))
    for line in EXPRESSIONS:
        case(env, "", "{{ " + line + " }}", VARS, False)
    for source in TEMPLATES:
        case(env, "", source, VARS, False)
    for source in MUTABLE:
        case(environment(mutable=True), "mutable", source, VARS, False)
    for source in CHATS.values():
        for messages in MESSAGES:
            for tools in TOOLS:
                for prompt in (True, False):
                    case(env, "", source, {"messages": messages, "tools": tools, "documents": None, "add_generation_prompt": prompt, "bos_token": "<s>", "eos_token": "</s>"}, True)


if __name__ == "__main__":
    main()
