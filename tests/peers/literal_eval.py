"""Random Python literals through `antiphon normalize --lines` and through CPython: no difference.

    python3 literal_eval.py PATH_TO_ANTIPHON [COUNT] [SEED]

Each text is spelled at random (quotes, prefixes, escapes, bases, underscores, parentheses, adjacent
strings, trailing commas, joined lines), and CPython itself is asked what it means. Ends with `N passed, M failed`,
and with exit code 1 where any failed.
"""

import ast
import json
import random
import subprocess
import sys
import warnings

warnings.simplefilter("ignore")

CHARACTERS = [
    "a", "b", "Z", "0", "9", "_", "-", " ", "  ", "'", '"', "\\", "/", ":", ",", "#", "{", "}", "[", "]",
    "\n", "\t", "\r", "\x00", "\x01", "\x0b", "\x0c", "\x7f", "\x1b", "é", "ß", "日本", "\u2028", "\u200b",
    "\ufeff", "\xa0", "😀", "“", "’", "\ud83d", "\ude00", "//", "null", "None", "...",
]


def spelled_character(rng, c, quote):
    """One way among several to write a character in a string that `quote` delimits."""
    code = ord(c)
    choices = []
    if c == "\n":
        choices.append("\\n")
    elif c in ("\r", "\x00") or 0xD800 <= code < 0xE000:
        pass
    elif c == "\\":
        choices.append("\\\\")
    elif c == quote:
        choices.append("\\" + c)
    else:
        choices.extend([c] * 6)
    named = {"\t": "\\t", "\r": "\\r", "\x07": "\\a", "\x08": "\\b", "\x0c": "\\f", "\x0b": "\\v",
             "'": "\\'", '"': '\\"'}
    if c in named:
        choices.append(named[c])
    if code < 0x100:
        choices.append("\\x%02x" % code)
        choices.append("\\%03o" % code)
    if code < 0x10000:
        choices.append("\\u%04x" % code)
        choices.append("\\u%04X" % code)
    choices.append("\\U%08x" % code)
    return rng.choice(choices)


def string(rng, depth=0):
    text = "".join(rng.choice(CHARACTERS) for _ in range(rng.randrange(0, 12)))
    style = rng.randrange(12)
    quote = rng.choice("'\"")
    if style == 0:
        plain = "".join(c for c in text if c not in "\n\r\x00" and not 0xD800 <= ord(c) < 0xE000)
        return repr(plain)
    if style == 1:
        plain = "".join(c for c in text if c not in "\n\r\x00'\"\\" and not 0xD800 <= ord(c) < 0xE000)
        inner = plain.replace(" ", rng.choice([" ", "\\d", "\\\\", "\\" + quote]))
        return rng.choice(["r", "R"]) + quote + inner + quote
    if style == 2:
        inner = "".join(spelled_character(rng, c, quote) for c in text)
        return quote * 3 + inner + quote * 3
    if style == 3:
        return json.dumps(text)
    if style == 4 and depth < 3:
        space = rng.choice(["", " ", "  "])
        return string(rng, depth + 1) + space + string(rng, depth + 1)
    if style == 5:
        inner = "".join(spelled_character(rng, c, quote) for c in text)
        return quote + inner + rng.choice(["\\q", "\\/", "\\8", "\\-", "\\ "]) + quote
    inner = "".join(spelled_character(rng, c, quote) for c in text)
    return rng.choice(["", "", "", "u", "U"]) + quote + inner + quote


def byte_string(rng):
    text = "".join(rng.choice("abc09 ~/é日\n\t'\"\\") for _ in range(rng.randrange(0, 8)))
    inner = repr(text.encode())
    return rng.choice(["b", "B"]) + inner[1:]


def underscored(rng, digits):
    out = digits[0]
    for digit in digits[1:]:
        if rng.random() < 0.1:
            out += "_"
        out += digit
    return out


def integer(rng):
    value = rng.choice([0, 1, 2, 7, rng.randrange(1000), rng.randrange(10**12), rng.randrange(2**64),
                        rng.randrange(10**40)])
    style = rng.randrange(8)
    if style == 0:
        text = rng.choice(["0x%x", "0X%X", "0x%X"]) % value
    elif style == 1:
        text = rng.choice(["0o%o", "0O%o"]) % value
    elif style == 2:
        text = rng.choice(["0b", "0B"]) + bin(value)[2:]
    elif style == 3:
        text = underscored(rng, str(value))
    elif style == 4 and value == 0:
        text = rng.choice(["00", "0_0", "000"])
    else:
        text = str(value)
    return text


def floating(rng):
    style = rng.randrange(10)
    if style == 7:
        # More digits than a float can tell apart, with and without an exponent.
        digits = "".join(rng.choice("0123456789") for _ in range(rng.randrange(17, 40)))
        point = rng.randrange(1, len(digits) + 1)
        text = (digits[:point].lstrip("0") or "0") + "." + digits[point:]
        return text + rng.choice(["", "e%d", "E+%d", "e-%d"]).replace("%d", str(rng.randrange(0, 260)))
    if style == 8:
        # Around the least float, and below it.
        return "%s%s-%d" % (rng.choice(["1", "2", "2.5", "4.9", "61", "0.3"]), rng.choice("eE"), rng.randrange(318, 340))
    if style == 0:
        return rng.choice(["0.0", "1.", ".5", "5e3", "1E5", "1e+5", "1e-7", "00.5", "0e0", "1_0.5e1_0", "1e16",
                           "1e15", "123456789012345680.0", "0.0001", "0.00001", "1e22", "1e308", "5e-324"])
    if style == 1:
        return repr(rng.uniform(-1, 1) * 10 ** rng.randrange(-300, 300)).lstrip("-")
    if style == 2:
        return "%.*f" % (rng.randrange(1, 12), rng.uniform(0, 10**6))
    if style == 3:
        return "%.*e" % (rng.randrange(0, 16), rng.uniform(0, 10**6))
    if style == 4:
        return "%d.%d" % (rng.randrange(10**6), rng.randrange(10**6))
    return repr(rng.random())


def number(rng):
    text = integer(rng) if rng.random() < 0.6 else floating(rng)
    sign = rng.choice(["", "", "", "-", "+", "- "])
    if sign and rng.random() < 0.1:
        text = "(" + text + ")"
    return sign + text


def scalar(rng):
    return rng.choice([string, string, string, number, number,
                       lambda r: r.choice(["None", "True", "False"])])(rng)


def joined(rng, items):
    space = rng.choice(["", " ", "  ", "\t"])
    comma = rng.choice([",", ", ", " ,", ",  "])
    end = comma if items and rng.random() < 0.2 else ""
    return space + comma.join(items) + end + space


def key(rng):
    text = scalar(rng)
    while rng.random() < 0.05:
        text = "(" + rng.choice(["", " "]) + text + rng.choice(["", " "]) + ")"
    return text


def value(rng, depth):
    kind = rng.randrange(12) if depth < 5 else 0
    if kind < 4:
        text = byte_string(rng) if rng.random() < 0.05 else scalar(rng)
    elif kind < 6:
        text = "[" + joined(rng, [value(rng, depth + 1) for _ in range(rng.randrange(0, 5))]) + "]"
    elif kind == 6:
        items = [value(rng, depth + 1) for _ in range(rng.randrange(0, 4))]
        text = "(" + items[0] + ",)" if len(items) == 1 else "(" + joined(rng, items) + ")"
    elif kind == 7:
        items = [scalar(rng) for _ in range(rng.randrange(1, 5))]
        if rng.random() < 0.3:
            items.append("(" + scalar(rng) + ", " + scalar(rng) + ")")
        if rng.random() < 0.3:
            items.append(items[0])
        text = "{" + joined(rng, items) + "}"
    elif kind == 8 and rng.random() < 0.2:
        text = "set()"
    else:
        members = [key(rng) + rng.choice([":", ": ", " : "]) + value(rng, depth + 1)
                   for _ in range(rng.randrange(0, 6))]
        if members and rng.random() < 0.1:
            members.append(members[0].split(":")[0] + ": 1")
        text = "{" + joined(rng, members) + "}"
    if rng.random() < 0.05:
        text = "(" + text + ")"
    return text


def continued(rng):
    """A text outside brackets on several lines, each but the last ending in a backslash."""
    join = " " * rng.randrange(2) + "\\\n" + " " * rng.randrange(3)
    count = rng.randrange(2, 4)
    if rng.random() < 0.5:
        return join.join(string(rng) for _ in range(count))
    return ("," + join).join(scalar(rng) for _ in range(count))


def plain(v):
    """A value as `json.dumps` can write it: sets as sorted lists, bytes as text."""
    if isinstance(v, bytes):
        return v.decode()
    if isinstance(v, (set, frozenset)):
        return ["set"] + sorted((plain(x) for x in v), key=lambda x: json.dumps(x))
    if isinstance(v, (list, tuple)):
        return [plain(x) for x in v]
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    return v


def sort_sets(shape, v):
    """Puts the arrays that stand for sets in `v` into the order that `plain` gives."""
    if isinstance(shape, (set, frozenset)):
        return ["set"] + sorted(v, key=lambda x: json.dumps(x))
    if isinstance(shape, (list, tuple)):
        return [sort_sets(s, x) for s, x in zip(shape, v, strict=True)]
    if isinstance(shape, dict) and isinstance(v, dict):
        keys = {json.loads(json.dumps({k: 0})).popitem()[0]: s for k, s in shape.items()}
        return {k: sort_sets(keys.get(k), x) for k, x in v.items()}
    return v


def expected(text):
    """What CPython makes of a text: the order of members counts. Text that is JSON too has JSON's
    meaning, which differs in one escape."""
    v = ast.literal_eval(text)
    if "\\/" in text and is_json(text):
        v = json.loads(text)
    return v, pairs(json.loads(json.dumps(plain(v)), parse_float=Spelled))


class Spelled(float):
    """A float that remembers how it is spelled: `json.dumps` has one spelling for each."""

    def __new__(cls, text):
        self = super().__new__(cls, text)
        self.text = text
        return self


def is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def pairs(v):
    if isinstance(v, dict):
        return ("object", [(k, pairs(x)) for k, x in v.items()])
    if isinstance(v, list):
        return [pairs(x) for x in v]
    if isinstance(v, Spelled):
        return ("float", v.text)
    return (type(v).__name__, v)


# Texts on several lines take a run of the program each.
CONTINUED = 200


def read_texts(rng, generate, count, fits):
    """Random texts that CPython reads, with their meaning."""
    samples = []
    while len(samples) < count:
        text = generate(rng)
        if not fits(text):
            continue
        try:
            shape, wanted = expected(text)
        except (ValueError, SyntaxError, TypeError, UnicodeDecodeError):
            continue
        samples.append((text, shape, wanted))
    return samples


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 20140213
    rng = random.Random(seed)
    several = read_texts(rng, continued, min(CONTINUED, count), lambda text: "\r" not in text)
    samples = read_texts(rng, lambda r: value(r, 0), count - len(several), lambda text: not set(text) & set("\n\r"))
    run = subprocess.run(
        [program, "normalize", "--lines", "--strict"],
        input="".join(text + "\n" for text, _, _ in samples).encode(),
        capture_output=True,
    )
    lines = run.stdout.decode().split("\n")
    remarks = [line for line in run.stderr.decode().split("\n") if line]
    failed = 0
    if len(lines) != len(samples) + 1:
        print(f"{len(lines) - 1} lines came back for {len(samples)} samples")
        failed = count
    else:
        for text, _, _ in several:
            one = subprocess.run([program, "normalize", "--compact", "--strict"], input=text.encode(), capture_output=True)
            lines.append(one.stdout.decode().rstrip("\n"))
            remarks.extend(one.stderr.decode().splitlines())
        del lines[len(samples)]
        for (text, shape, wanted), line in zip(samples + several, lines):
            try:
                got = pairs(sort_sets(shape, json.loads(line, parse_float=Spelled)))
            except ValueError as error:
                got = f"{error}"
            if got != wanted:
                failed += 1
                if failed <= 10:
                    print(f"text   {text!r}\nwanted {wanted!r}\ngot    {line!r}\n")
        if failed:
            print("\n".join(remarks[:10]))
    print(f"{count - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
