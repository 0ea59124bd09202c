"""Writes files like those of torch.save() that are wrong in one way each, and some odd ones that are right.

    python3 tests/gen/bad-torch.py FOLDER

FOLDER gets the fixtures and the tables refused.tsv and taken.tsv, as bad-models.py has them, for
tests/torch.t. Pickles are written operation by operation and archives record by record, so that any lie
can be told. Those that would do something create the file EXECUTED if anyone lets them.
"""

import importlib
import pickletools
import struct
import sys
import zlib

models = importlib.import_module("bad-models")
DATA, NO_INPUT = models.DATA, models.NO_INPUT
REFUSED, TAKEN = [], []
PICKLES = []  # as they are, for fuzzing


def refuse(name, content, message, status=DATA):
    REFUSED.append((name, content, status, message))


def take(name, content, *tensors, warning=None):
    TAKEN.append((name, content, tensors, warning))


# --- pickles, operation by operation ---------------------------------------------------------------

START = b"\x80\x02"


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return b"X" + struct.pack("<I", len(value)) + value


def integer(value):
    if 0 <= value < 256:
        return b"K" + bytes([value])
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    size = value.bit_length() // 8 + 1
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def name(module, what):
    return f"c{module}\n{what}\n".encode()


def tuple_of(*values):
    return b"(" + b"".join(values) + b"t"


def integers(values):
    return tuple_of(*map(integer, values))


NO_HOOKS = name("collections", "OrderedDict") + b")R"


def storage(kind="FloatStorage", key=b"0", elements=4, tag="storage", module="torch", more=b""):
    return tuple_of(text(tag), name(module, kind), text(key), text("cpu"), integer(elements), more) + b"Q"


def tensor(source=None, offset=0, shape=(2, 2), strides=(2, 1), more=b"", version="v2"):
    source = storage() if source is None else source
    return name("torch._utils", "_rebuild_tensor_" + version) + tuple_of(
        source, integer(offset), integers(shape), integers(strides), b"\x89", NO_HOOKS, more) + b"R"


def dictionary(*pairs):
    return b"}(" + b"".join(key + value for key, value in pairs) + b"u"


def state(value=None, key="w.weight"):
    return START + dictionary((text(key), tensor() if value is None else value)) + b"."


# --- archives, record by record ---------------------------------------------------------------------

FLOATS = struct.pack("<4f", 1, 2, 3, 4)


class Entry:
    """An entry; a field that begins with local_ is what its own header says, if that is other."""

    def __init__(self, name, data, **fields):
        self.name = name if isinstance(name, bytes) else name.encode()
        self.data = data
        self.flags = 0x808
        self.method = self.disk = self.comment = 0
        self.crc = zlib.crc32(data)
        self.size = self.packed = len(data)
        self.extra = self.local_extra = b""
        self.local_signature = b"PK\3\4"
        self.local_name = self.local_flags = self.local_method = None
        self.local_sizes = (0, 0, 0)
        self.descriptor = None
        self.place = None
        self.before = b""
        self.__dict__.update(fields)
        if self.descriptor is None:
            self.descriptor = b"PK\7\10" + struct.pack("<III", self.crc, self.packed, self.size) \
                if self.flags & 8 else b""

    def local(self):
        def own(value, other):
            return value if other is None else other
        local_name = own(self.name, self.local_name)
        return (self.before + self.local_signature + struct.pack(
            "<HHHHHIIIHH", 0, own(self.flags, self.local_flags), own(self.method, self.local_method),
            0, 0, *self.local_sizes, len(local_name), len(self.local_extra))
            + local_name + self.local_extra + self.data + self.descriptor)

    def central(self, place):
        return b"PK\1\2" + struct.pack(
            "<HHHHHHIIIHHHHHII", 0, 0, self.flags, self.method, 0, 0, self.crc, self.packed, self.size,
            len(self.name), len(self.extra), 0, self.disk, 0, 0,
            place if self.place is None else self.place) + self.name + self.extra


def archive(entries, zip64=True, count=None, prefix=b"", suffix=b"", between=b"", end=None, end64=None,
            locator=None, directory=None):
    """The bytes of an archive; what is given as a dictionary changes fields of a record."""
    body, central = prefix, b""
    for entry in entries:
        central += entry.central(len(body) + len(entry.before))
        body += entry.local()
    body += between
    central = central if directory is None else directory
    number = len(entries) if count is None else count
    fields = {"disk": 0, "here": number, "all": number, "size": len(central), "place": len(body),
              "comment": b""}
    fields64 = {"length": 44, "disk": 0, **{k: fields[k] for k in ("here", "all", "size", "place")},
                **(end64 or {})}
    fields.update(end or {})
    result = body + central
    if zip64:
        fields_of_locator = {"place": len(result), "disks": 1, **(locator or {})}
        result += b"PK\6\6" + struct.pack("<QHHIIQQQQ", fields64["length"], 0x31e, 45, fields64["disk"], 0,
                                          fields64["here"], fields64["all"], fields64["size"],
                                          fields64["place"])
        result += b"PK\6\7" + struct.pack("<IQI", 0, fields_of_locator["place"],
                                          fields_of_locator["disks"])
    result += b"PK\5\6" + struct.pack("<HHHHIIH", fields["disk"], 0, fields["here"], fields["all"],
                                      fields["size"], fields["place"], len(fields["comment"]))
    return result + fields["comment"] + suffix


def entries(pickle=None, data=FLOATS, order=b"little", **pickle_fields):
    result = [Entry("m/data.pkl", state() if pickle is None else pickle, **pickle_fields)]
    if order is not None:
        result.append(Entry("m/byteorder", order))
    if data is not None:
        result.append(Entry("m/data/0", data))
    return result + [Entry("m/version", b"3\n")]


def file(pickle=None, **fields):
    PICKLES.append(pickle or state())
    return archive(entries(pickle, **fields))


GOOD = file()

# --- pickles that would do something ------------------------------------------------------------------

CONVERT = "convert the file to safetensors"
COMMAND = text("touch EXECUTED")


def hostile(case, pickle, message, at=None):
    place = "" if at is None else f" (at its byte {at})"
    refuse(f"pickle-{case}.bin", file(pickle), message + place)


def uses(module, what):
    return f"it uses {module}.{what}, which is not data; {CONVERT}"


for module, what in [("os", "system"), ("posix", "system"), ("builtins", "eval"), ("builtins", "exec"),
                     ("__builtin__", "eval"), ("builtins", "getattr"), ("subprocess", "Popen"),
                     ("runpy", "_run_code"), ("torch", "load"), ("torch.hub", "load"),
                     ("torch.storage", "_load_from_bytes"), ("torch.serialization", "load"),
                     ("torch._utils", "_rebuild_qtensor"), ("torch", "FloatStorage.__init__"),
                     ("torch ", "FloatStorage"), ("collections", "OrderedDict "), ("", ""),
                     ("collections", "orderedDict"), ("numpy.core.multiarray", "scalar")]:
    hostile(f"global-{module or 'empty'}-{what}".replace(" ", "_"),
            START + name(module, what) + COMMAND + b"\x85R.", uses(module, what))
hostile("global-value", state(name("os", "system") + COMMAND + b"\x85R"), uses("os", "system"))
hostile("global-hooks", state(tensor().replace(NO_HOOKS, name("os", "system") + COMMAND + b"\x85R")),
        uses("os", "system"))
hostile("global-unused", START + name("os", "system") + b"q\x00" + dictionary() + b".", uses("os", "system"))
hostile("global-long", START + b"c" + b"m" * 300 + b"\nf\n.", uses("m" * 127, "f"))
hostile("global-escape", START + b"cm\x1b[2J\nf\n.", uses("m\\x1b[2J", "f"))
hostile("global-cut", START + b"cos", "bad pickle: cut off", 2)
hostile("global-cut-name", START + b"cos\nsystem", "bad pickle: cut off", 2)


def operation(case, operation, before=b"", after=b""):
    hostile(case, START + before + operation + after,
            f"bad pickle: operation 0x{operation[0]:02x}, which data does not need "
            f"(at its byte {2 + len(before)}); {CONVERT}")


operation("stack-global", b"\x93", text("os") + text("system"), COMMAND + b"\x85R.")
operation("inst", b"ios\nsystem\n", b"(" + COMMAND, b".")
operation("obj", b"o", b"(" + name("torch", "Size") + COMMAND, b".")
operation("newobj", b"\x81", name("collections", "OrderedDict") + b")", b".")
operation("newobj-ex", b"\x92", name("collections", "OrderedDict") + b")}", b".")
operation("ext1", b"\x82", b"", b"\x01.")
operation("ext2", b"\x83", b"", b"\x01\x00.")
operation("ext4", b"\x84", b"", b"\x01\x00\x00\x00.")
operation("persid", b"P0\n", b"", b".")
operation("dup", b"2", b"}", b".")
operation("pop", b"0", b"}}", b".")
operation("pop-mark", b"1", b"}(", b".")
operation("put-text", b"p0\n", b"}", b".")
operation("get-text", b"g0\n", b"}", b".")
operation("int-text", b"I01\n", b"", b".")
operation("long-text", b"L1L\n", b"", b".")
operation("float-text", b"F1.5\n", b"", b".")
operation("string-text", b"S'os'\n", b"", b".")
operation("unicode-text", b"Vw\n", b"", b".")
operation("frame", b"\x95", b"", bytes(8) + b".")
operation("memoize", b"\x94", b"}", b".")
operation("short-unicode", b"\x8c", b"", b"\x01w.")
operation("unicode-8", b"\x8d", b"", b"\xff" * 8 + b".")
operation("bytes-8", b"\x8e", b"", b"\xff" * 8 + b".")
operation("bytearray-8", b"\x96", b"", b"\xff" * 8 + b".")
operation("long-4", b"\x8b", b"", b"\xff\xff\xff\x7f.")
operation("set", b"\x8f", b"", b".")
operation("next-buffer", b"\x97", b"", b".")
operation("proto-twice", b"\x80", b"}", b"\x02.")
operation("zero", b"\0", b"", b".")
operation("byte-255", b"\xff", b"", b".")
hostile("reduce-no-name", START + b"})R.", "bad pickle: a call of what has no name, or without arguments", 4)
hostile("reduce-text", START + text("os.system") + COMMAND + b"\x85R.",
        "bad pickle: a call of what has no name, or without arguments", 2 + 14 + 19 + 1)
hostile("reduce-no-tuple", START + name("torch", "Size") + b"}R.",
        "bad pickle: a call of what has no name, or without arguments", 15)
hostile("dict-class-arguments", START + name("collections", "OrderedDict") + b"](K\x01K\x02\x86e\x85R.",
        "bad pickle: a dictionary with arguments", 36)
hostile("build-text", START + b"}" + COMMAND + b"b.", "bad pickle: attributes that are no dictionary", 22)
hostile("build-name", START + name("torch", "Size") + b"}b.",
        "bad pickle: something is set in what is no dictionary", 15)

# --- pickles that are damaged -------------------------------------------------------------------------

hostile("empty", b"", "bad pickle: it does not begin like one", 0)
hostile("no-proto", b"}.", "bad pickle: it does not begin like one", 0)
for protocol in (0, 1, 3, 4, 5, 255):
    hostile(f"protocol-{protocol}", b"\x80" + bytes([protocol]) + b"}.",
            f"a pickle of protocol {protocol}, and only 2 is read; {CONVERT}")
hostile("no-stop", state()[:-1], "bad pickle: cut off", len(state()) - 1)
hostile("trailing", state() + b"\n", "bad pickle: something follows its end", len(state()) - 1)
hostile("two", state() + state(), "bad pickle: something follows its end", len(state()) - 1)
hostile("nothing", START + b".", "bad pickle: it ends with other than one value", 2)
hostile("two-values", START + b"}}.", "bad pickle: it ends with other than one value", 4)
hostile("open-mark", START + b"(}.", "bad pickle: it ends with other than one value", 4)
hostile("marks", START + b"(" * 5000 + b".", "bad pickle: nested too deep", 102)
hostile("text-huge", START + b"X\xff\xff\xff\xff" + b"w.", "bad pickle: cut off", 2)
hostile("text-one-more", START + b"X\x02\0\0\0" + b".", "bad pickle: cut off", 2)
hostile("string-huge", START + b"U\xffw.", "bad pickle: cut off", 2)
hostile("long-huge", START + b"\x8a\xff\1.", "bad pickle: cut off", 2)
hostile("int-cut", START + b"J\1\0", "bad pickle: cut off", 2)
hostile("float-cut", START + b"G\0\0.", "bad pickle: cut off", 2)
hostile("get-unset", START + b"}h\x00.", "bad pickle: it refers to what it did not remember", 3)
hostile("get-huge", START + b"}j\xff\xff\xff\xff.", "bad pickle: it refers to what it did not remember", 3)
hostile("put-gap", START + b"}q\x01.", "bad pickle: what it remembers is not numbered in order", 3)
hostile("put-huge", START + b"}r\xff\xff\xff\x7f.", "bad pickle: what it remembers is not numbered in order", 3)
hostile("put-again", START + b"}q\x00]q\x00.", "bad pickle: what it remembers is not numbered in order", 6)
hostile("put-nothing", START + b"q\x00.", "bad pickle: a value is missing", 2)
hostile("put-mark", START + b"}(q\x00.", "bad pickle: a value is missing", 4)
hostile("tuple-no-mark", START + b"}t.", "bad pickle: a mark is missing", 3)
hostile("tuple-too-few", START + b"}\x87.", "bad pickle: a value is missing", 3)
hostile("tuple-over-mark", START + b"}(}\x86.", "bad pickle: a value is missing", 5)
hostile("setitem-too-few", START + b"}N" + b"s.", "bad pickle: a value is missing", 4)
hostile("setitem-over-mark", START + b"}(NNs.", "bad pickle: a value is missing", 6)
hostile("setitems-odd", START + b"}(Nu.", "bad pickle: a key without a value", 5)
hostile("setitems-nothing", START + b"(NNu.", "bad pickle: a value is missing", 5)
hostile("setitems-list", START + b"](NNu.", "bad pickle: something is set in what is no dictionary", 6)
hostile("append-dict", START + b"}Na.", "bad pickle: something is appended to what is no list", 4)
hostile("appends-nothing", START + b"(Ne.", "bad pickle: a value is missing", 4)
hostile("persid-nothing", START + b"Q.", "bad pickle: a value is missing", 2)
hostile("reduce-nothing", START + b"R.", "bad pickle: a value is missing", 2)
hostile("build-nothing", START + b"}b.", "bad pickle: a value is missing", 3)
PLACES = [place for *_, place in pickletools.genops(state())]
for at in range(2, len(state())):
    hostile(f"cut-{at:03}", state()[:at], "bad pickle: cut off", max(p for p in PLACES if p <= at))

# --- what was saved -----------------------------------------------------------------------------------

SAVE = "save the state_dict() of the model"
hostile("top-tensor", START + tensor() + b".", f"what was saved is not a dictionary of tensors; {SAVE}")
hostile("top-list", START + b"].", f"what was saved is not a dictionary of tensors; {SAVE}")
hostile("top-none", START + b"N.", f"what was saved is not a dictionary of tensors; {SAVE}")
hostile("top-name", START + name("torch", "Size") + b".",
        f"what was saved is not a dictionary of tensors; {SAVE}")
hostile("no-tensors", START + dictionary((text("a"), integer(1))) + b".",
        f"what was saved is a dictionary without tensors; {SAVE}")
hostile("nested-elsewhere", START + dictionary((text("weights"), dictionary((text("w"), tensor())))) + b".",
        f"what was saved is a dictionary without tensors; {SAVE}")
hostile("nested-twice", START + dictionary((text("state_dict"), dictionary(
    (text("model"), dictionary((text("w"), tensor())))))) + b".",
        f"what was saved is a dictionary without tensors; {SAVE}")
hostile("nested-both", START + dictionary((text("state_dict"), dictionary((text("w"), tensor()))),
                                          (text("model"), dictionary((text("v"), tensor())))) + b".",
        "what was saved has several dictionaries that may be the weights; save one alone")
hostile("contains-itself", START + b"}q\x00" + b"(" + text("model") + b"h\x00u.",
        f"what was saved is a dictionary without tensors; {SAVE}")
NO_NAME = "the name of a tensor is no text, not UTF-8, or has a null character"
hostile("name-integer", START + dictionary((integer(1), tensor())) + b".", NO_NAME)
hostile("name-none", START + dictionary((b"N", tensor())) + b".", NO_NAME)
hostile("name-tensor", START + dictionary((tensor(), tensor())) + b".", NO_NAME)
hostile("name-null", state(key=b"w\0.weight"), NO_NAME)
hostile("name-not-utf-8", state(key=b"w\xff.weight"), NO_NAME)
hostile("name-surrogate", state(key=b"w\xed\xa0\x80"), NO_NAME)
hostile("name-twice", START + dictionary((text("w"), tensor()), (text("w"), tensor(shape=(4,), strides=(1,))))
        + b".", "tensor 'w' is given twice")

# --- tensors --------------------------------------------------------------------------------------------


def wrong(case, value, message):
    refuse(f"tensor-{case}.bin", file(state(value)), f"tensor 'w.weight': {message}")


TOO_FEW = "it is not rebuilt from the values that torch gives"
wrong("no-arguments", name("torch._utils", "_rebuild_tensor_v2") + b")R", TOO_FEW)
wrong("many-arguments", tensor(more=b"}}"), TOO_FEW)
wrong("v3-no-type", tensor(version="v3"), TOO_FEW)
wrong("v3-no-such-type", tensor(version="v3", more=text("float32")), "its type is none")
wrong("v3-type-storage", tensor(version="v3", more=name("torch", "FloatStorage")), "its type is none")
VIEW = "it is a conjugate or negated view of its storage; convert the file to safetensors"
wrong("negated", tensor(more=dictionary((text("neg"), b"\x88"))), VIEW)
wrong("metadata-list", tensor(more=b"]"), VIEW)
wrong("parameter-arguments", name("torch._utils", "_rebuild_parameter") + tensor() + b"\x85R", TOO_FEW)
wrong("parameter-of-none", name("torch._utils", "_rebuild_parameter") + b"N\x88}\x87R",
      "a parameter that is no tensor")
wrong("parameter-of-parameter", name("torch._utils", "_rebuild_parameter") + name(
    "torch._utils", "_rebuild_parameter") + tensor() + b"\x88}\x87R\x88}\x87R",
      "a parameter that is no tensor")
wrong("no-storage", tensor(b"N"), "it has no storage")
wrong("storage-tuple", tensor(storage()[:-1]), "it has no storage")
wrong("storage-not-tuple", tensor(text("0") + b"Q"), "its storage is not given by five values")
wrong("storage-six-values", tensor(storage(more=b"N")), "its storage is not given by five values")
wrong("storage-tag", tensor(storage(tag="module")), "its storage is not given as one")
wrong("storage-class", tensor(storage("float32")), "its storage is not given as one")
wrong("storage-size-class", tensor(storage("Size")), "its storage is not given as one")
wrong("storage-key-null", tensor(storage(key=b"0\0")), "its storage is not given as one")
wrong("storage-negative", tensor(storage(elements=-4)), "its storage's size is negative")
wrong("storage-overflow", tensor(storage(elements=1 << 62)), "its storage's size overflows")
wrong("storage-beyond", tensor(storage(elements=1 << 64)), "its storage's size is no integer")
wrong("storage-small", tensor(storage(elements=3)), "it reaches to byte 16 of a storage of 12")
wrong("storage-large", tensor(storage(elements=5)), "its storage should have 20 bytes, and has 16")
wrong("storage-other-type", tensor(storage("DoubleStorage")), "its storage should have 32 bytes, and has 16")
wrong("storage-empty", tensor(storage(elements=0)), "it reaches to byte 16 of a storage of 0")
wrong("storage-missing", tensor(storage(key=b"1")), "its storage '1' is not in the archive")
wrong("storage-case", tensor(storage(key=b"../DATA.pkl")), "its storage '../DATA.pkl' is not in the archive")
wrong("storage-no-key", tensor(storage(key=b"")), "its storage '' is not in the archive")
wrong("storage-outside", tensor(storage(key=b"../../../etc/passwd")),
      "its storage '../../../etc/passwd' is not in the archive")
wrong("offset-one", tensor(offset=1), "it reaches to byte 20 of a storage of 16")
wrong("offset-negative", tensor(offset=-1), "its offset is negative")
wrong("offset-overflow", tensor(offset=1 << 62), "its shape or strides overflow")
wrong("offset-overflow-sum", tensor(offset=(1 << 62) - 1), "its shape or strides overflow")
wrong("offset-none", tensor().replace(integer(0) + b"(", b"N("), "its offset is no integer")
wrong("shape-large", tensor(shape=(3, 2)), "it reaches to byte 24 of a storage of 16")
wrong("shape-negative", tensor(shape=(-2, 2)), "its shape is negative")
wrong("shape-both-negative", tensor(shape=(-2, -2)), "its shape is negative")
wrong("shape-none", tensor().replace(integers((2, 2)), b"N"),
      "its shape is no tuple, or has more than 8 dimensions")
wrong("shape-text", tensor().replace(integers((2, 2)), tuple_of(text("2"), text("2"))),
      "its shape is no integer")
wrong("shape-nine", tensor(shape=(1,) * 9, strides=(1,) * 9),
      "its shape is no tuple, or has more than 8 dimensions")
wrong("shape-overflow", tensor(shape=(1 << 32, 1 << 32), strides=(0, 0)), "its shape overflows")
wrong("shape-overflow-to-4", tensor(shape=(4194305, 4194305, 211106198978564), strides=(0, 0, 0)),
      "its shape overflows")
wrong("shape-overflow-bytes", tensor(shape=(1 << 31, 1 << 31), strides=(0, 0)),
      "its shape or strides overflow")
wrong("shape-bomb", tensor(shape=(1 << 20, 1 << 20), strides=(0, 0)),
      "4398046511104 bytes, which repeat a storage of 16")
wrong("strides-large", tensor(strides=(3, 1)), "it reaches to byte 20 of a storage of 16")
wrong("strides-negative", tensor(offset=2, strides=(-2, 1)), "its strides is negative")
wrong("strides-overflow", tensor(strides=((1 << 63) - 1, 1)), "its shape or strides overflow")
wrong("strides-overflow-sum", tensor(shape=(3, 3), strides=((1 << 63) - 1, (1 << 63) - 1)),
      "its shape or strides overflow")
wrong("strides-few", tensor(strides=(1,)), "its strides is not a tuple of its rank")
wrong("strides-many", tensor(strides=(2, 1, 1)), "its strides is not a tuple of its rank")
wrong("big-storage", tensor(storage("UntypedStorage", module="torch.storage", elements=16), version="v3",
                            more=name("torch", "float64")), "it reaches to byte 32 of a storage of 16")
SHARE = "tensors '{}' and '{}' share a storage, and differ in its size or type"
for case, other in (("size", storage(elements=3)), ("type", storage("IntStorage"))):
    refuse(f"tensors-differ-in-{case}.bin", file(START + dictionary(
        (text("a"), tensor()), (text("b"), tensor(other, shape=(1, 1)))) + b"."), SHARE.format("a", "b"))

# --- archives -------------------------------------------------------------------------------------------


def zipped(case, content, message):
    refuse(f"zip-{case}.bin", content, f"bad zip archive: {message}")


NO_END = "it does not end with an end record: cut off, or something follows it"
NOT_FILLED = "its directory does not fill the place before the end record"
ENDS_DIFFER = "its two end records differ, or it is spread over disks"
END64 = "its zip64 end record is not where it must be"
for size in (4, 21, 22, 60, 200, *range(len(GOOD) - 130, len(GOOD), 9), len(GOOD) - 1):
    zipped(f"cut-{size:04}", GOOD[:size], "the file is cut off" if size < 22 else NO_END)
zipped("trailing", GOOD + b"\0", NO_END)
zipped("comment", archive(entries(), end={"comment": b"PK"}), NO_END)
zipped("prefix", b"PK\3\4" + GOOD, END64)
zipped("prefix-no-64", b"PK\3\4" + archive(entries(), zip64=False), NOT_FILLED)
zipped("prefix-known", archive(entries(), prefix=b"PK\3\4" + bytes(60)), "something lies before its first entry")
zipped("two", GOOD + GOOD, END64)
zipped("gap", archive(entries(), between=b"PK\3\4" + bytes(40)),
       "entry 'm/version' does not end where the next one begins")
zipped("gap-inside", archive([Entry("m/data.pkl", state()), Entry("m/data/0", FLOATS, before=b"123456789")]),
       "entry 'm/data.pkl' does not end where the next one begins")
zipped("no-entries", archive([], prefix=b"PK\3\4"), "there is nothing in it")
zipped("count-too-small", archive(entries(), count=3), "its directory has more records than it says")
zipped("count-too-large", archive(entries(), count=5), "a directory of an impossible size")
zipped("count-huge", archive(entries(), count=0, end64={"here": 1 << 60, "all": 1 << 60},
                             end={"here": 0xffff, "all": 0xffff}), "a directory of an impossible size")
zipped("counts-differ", archive(entries(), end={"all": 3}), ENDS_DIFFER)
zipped("counts-differ-small", archive(entries(), zip64=False, end={"here": 3}), "it is spread over disks")
zipped("counts-differ-64", archive(entries(), end64={"all": 5}), ENDS_DIFFER)
zipped("disk", archive(entries(), zip64=False, end={"disk": 1}), "it is spread over disks")
zipped("disk-64", archive(entries(), end64={"disk": 1}), ENDS_DIFFER)
zipped("disks", archive(entries(), locator={"disks": 2}), END64)
zipped("directory-elsewhere", archive(entries(), zip64=False, end={"place": 0}), NOT_FILLED)
zipped("directory-outside", archive(entries(), zip64=False, end={"place": 0xfffffff0}), NOT_FILLED)
zipped("directory-large", archive(entries(), zip64=False, end={"size": 0xfffffff0}), NOT_FILLED)
zipped("directory-64-lies", archive(entries(), end64={"place": 0}), ENDS_DIFFER)
zipped("directory-64-far", archive(entries(), end64={"place": 1 << 63}, end={"place": 0xffffffff}), NOT_FILLED)
zipped("directory-64-large", archive(entries(), end64={"size": (1 << 64) - 1}, end={"size": 0xffffffff}),
       NOT_FILLED)
zipped("locator-elsewhere", archive(entries(), locator={"place": 0}), END64)
zipped("locator-far", archive(entries(), locator={"place": (1 << 64) - 1}), END64)
zipped("end-64-long", archive(entries(), end64={"length": 45}), END64)
zipped("record-signature", archive(entries(), directory=b"PK\1\3" + bytes(300)),
       "a record of its directory is cut off")


def entry_wrong(case, message, which=0, **fields):
    """One entry is wrong, the pickle or the one given."""
    which = {0: ("m/data.pkl", state()), 1: ("m/data/0", FLOATS)}[which]
    refuse(f"zip-{case}.bin", archive([Entry(*which, **fields) if entry.name == which[0].encode() else entry
                                       for entry in entries()]),
           f"bad zip archive: entry '{which[0]}' {message}")


DIFFERS = "differs between the directory and its own header"
for bit in range(16):
    if bit not in (0, 3, 11):
        entry_wrong(f"flag-{bit}", "has flags that are not known", flags=0x808 | 1 << bit)
    if bit != 3:
        entry_wrong(f"flag-{bit}-local", DIFFERS, local_flags=0x808 ^ 1 << bit)
entry_wrong("encrypted", "is encrypted", flags=0x809)
entry_wrong("encrypted-data", "is encrypted", 1, flags=1)
entry_wrong("flag-3-local", DIFFERS, local_flags=0x800)
PACKED = zlib.compress(state())[2:-4]
entry_wrong("deflated", "is compressed, and only stored ones are read", method=8)
entry_wrong("method-99", "is compressed, and only stored ones are read", method=99)
entry_wrong("method-local", DIFFERS, local_method=8)
entry_wrong("packed-size", "is compressed, and only stored ones are read", 1, packed=15)
entry_wrong("other-disk", "is on another disk", disk=1)
entry_wrong("local-signature", DIFFERS, 1, local_signature=b"PK\3\5")
entry_wrong("local-name", DIFFERS, local_name=b"m/data.pkx")
entry_wrong("local-name-short", DIFFERS, local_name=b"m/data.pk", local_extra=b"")
entry_wrong("local-crc", DIFFERS, local_sizes=(1, 0, 0))
entry_wrong("local-packed", DIFFERS, 1, local_sizes=(zlib.crc32(FLOATS), 15, 16))
entry_wrong("local-size", DIFFERS, 1, local_sizes=(zlib.crc32(FLOATS), 16, 15))
entry_wrong("local-sizes-none", DIFFERS, flags=0)
entry_wrong("local-64-missing", DIFFERS, 1, local_sizes=(zlib.crc32(FLOATS), 0xffffffff, 0xffffffff))
entry_wrong("local-64-lies", DIFFERS, 1, local_sizes=(zlib.crc32(FLOATS), 0xffffffff, 0xffffffff),
            local_extra=struct.pack("<HHQQ", 1, 16, 16, 17))
AFTER = "differs between the directory and what follows its data"
entry_wrong("descriptor-signature", AFTER, descriptor=b"PK\7\11" + bytes(12))
entry_wrong("descriptor-crc", AFTER, descriptor=b"PK\7\10" + bytes(12))
entry_wrong("descriptor-size", AFTER, 1, descriptor=b"PK\7\10" + struct.pack("<III", zlib.crc32(FLOATS), 16, 17))
entry_wrong("descriptor-wide-lies", AFTER, 1,
            descriptor=b"PK\7\10" + struct.pack("<IQQ", zlib.crc32(FLOATS), 16, 1 << 32 | 16))
entry_wrong("descriptor-none", "does not end where the next one begins", descriptor=b"")
entry_wrong("descriptor-more", "does not end where the next one begins", flags=0x800,
            local_sizes=(zlib.crc32(state()), len(state()), len(state())), descriptor=bytes(16))
entry_wrong("size-large", "overlaps with another, or is cut off", 1, size=1 << 20, packed=1 << 20)
entry_wrong("size-small", "does not end where the next one begins", 1, size=12, packed=12)
entry_wrong("size-64-missing", "has a bad extra field", 1, size=0xffffffff, packed=0xffffffff)
entry_wrong("size-64-short", "has a bad extra field", 1, size=0xffffffff, packed=0xffffffff,
            extra=struct.pack("<HHQ", 1, 8, 16))
entry_wrong("size-64-huge", "overlaps with another, or is cut off", 1, size=0xffffffff, packed=0xffffffff,
            extra=struct.pack("<HHQQ", 1, 16, (1 << 64) - 1, (1 << 64) - 1))
entry_wrong("size-64-packed", "is compressed, and only stored ones are read", 1, size=0xffffffff,
            packed=0xffffffff, extra=struct.pack("<HHQQ", 1, 16, 16, 17))
entry_wrong("extra-twice", "has a bad extra field", extra=struct.pack("<HHHH", 1, 0, 1, 0))
entry_wrong("extra-cut", "has a bad extra field", extra=b"\1\0\2")
entry_wrong("extra-long", "has a bad extra field", extra=b"\2\0\4\0abc")
entry_wrong("crc", "is damaged: its CRC is another", crc=zlib.crc32(state()) ^ 1)
zipped("place-outside", archive(entries()[:1] + [Entry("m/data/0", FLOATS, place=0xffff)]),
       "entry 'm/data/0' lies outside of the file")
zipped("place-64-outside", archive(entries()[:1] + [
    Entry("m/data/0", FLOATS, place=0xffffffff, extra=struct.pack("<HHQ", 1, 8, (1 << 64) - 8))]),
       "entry 'm/data/0' lies outside of the file")
zipped("place-same", archive([Entry("m/data.pkl", state()), Entry("m/data/0", FLOATS, place=0)]),
       "entry 'm/data.pkl' overlaps with another, or is cut off")
zipped("place-inside", archive([Entry("m/data.pkl", state()), Entry("m/data/0", FLOATS, place=60)]),
       "entry 'm/data.pkl' overlaps with another, or is cut off")
zipped("name-twice", archive(entries() + [Entry("m/data.pkl", state())]), "entry 'm/data.pkl' is there twice")
zipped("name-twice-case", archive(entries() + [Entry("m/DATA.pkl", state())]),
       "entry 'm/data.pkl' is there twice")
zipped("name-none", archive([Entry("", b"")] + entries()),
       "a record of its directory is cut off, or its name is none")
zipped("name-null", archive([Entry(b"m/data.pkl\0x", state())] + entries()[1:]),
       "a record of its directory is cut off, or its name is none")
refuse("zip-no-folder.bin", archive([Entry("data.pkl", state()), Entry("data/0", FLOATS)]),
       "a zip archive, but not one of torch.save(): its entries are not in one folder")
refuse("zip-two-folders.bin", archive(entries() + [Entry("n/data.pkl", state())]),
       "a zip archive, but not one of torch.save(): its entries are not in one folder")
refuse("zip-no-pickle.bin", archive(entries()[1:]),
       "a zip archive, but not one of torch.save(): it has no data.pkl")
refuse("zip-script.bin", archive(entries() + [Entry("m/constants.pkl", state())]),
       f"a TorchScript program, not a dictionary of tensors; {SAVE}")
ORDER = "its byte order is not little-endian; convert it to safetensors"
refuse("order-big.bin", file(order=b"big"), ORDER)
refuse("order-empty.bin", file(order=b""), ORDER)
refuse("order-newline.bin", file(order=b"little\n"), ORDER)
refuse("order-long.bin", file(order=b"little" * 10),
       "bad zip archive: entry 'm/byteorder' has 60 bytes (at most 16)")
refuse("data-missing.bin", file(data=None), "tensor 'w.weight': its storage '0' is not in the archive")
refuse("data-short.bin", file(data=FLOATS[:15]), "tensor 'w.weight': its storage should have 16 bytes, and has 15")
refuse("tar.bin", (b"sys_info" + bytes(249) + b"ustar\0" + b"00").ljust(1024, b"\0"),
       "a tar archive, such as torch.save() wrote long ago; convert it to safetensors")
refuse("legacy.bin", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.",
       "a file of an old torch.save(); convert it to safetensors")

# --- folders --------------------------------------------------------------------------------------------

INDEX = "pytorch_model.bin.index.json"
OTHER = file(state(key="v.weight"))
SHARDS = {"pytorch_model-00001-of-00002.bin": GOOD, "pytorch_model-00002-of-00002.bin": OTHER}
MAP = {"w.weight": "pytorch_model-00001-of-00002.bin", "v.weight": "pytorch_model-00002-of-00002.bin"}
ARGUMENTS = file(START + name("transformers.training_args", "TrainingArguments") + b".")
NO_WEIGHTS = "no .safetensors or .gguf file, and no pytorch_model.bin, in this folder"
folder, index = models.folder, models.index
refuse("folder-other", folder({"onnx.bin": b"\x08\x07" + bytes(100)}), NO_WEIGHTS, NO_INPUT)
refuse("folder-arguments", folder({"training_args.bin": ARGUMENTS}),
       "training_args.bin: " + uses("transformers.training_args", "TrainingArguments"))
refuse("folder-several", folder({"a.bin": GOOD, "b.bin": OTHER}),
       "several .bin files and no index; name the one to read", NO_INPUT)
refuse("folder-both", folder({"pytorch_model.bin": GOOD, **SHARDS, INDEX: index(MAP)}),
       f"both pytorch_model.bin and {INDEX} are here; name the one to read")
refuse("folder-shard-missing", folder({INDEX: index(MAP), "pytorch_model-00001-of-00002.bin": GOOD}),
       f"{INDEX}: file 'pytorch_model-00002-of-00002.bin' of the index: No such file or directory", NO_INPUT)
refuse("folder-shard-escapes", folder({INDEX: index({"w.weight": "../good.bin"})}),
       f"{INDEX}: bad index: the file of tensor 'w.weight' is '../good.bin', which is not a plain file name "
       "(at byte 41 of the JSON)")
refuse("folder-shard-bad", folder({**SHARDS, INDEX: index(MAP), "pytorch_model-00002-of-00002.bin": GOOD[:-1]}),
       f"{INDEX}: file 'pytorch_model-00002-of-00002.bin' of the index: bad zip archive: {NO_END}")
refuse("folder-tensor-absent", folder({**SHARDS, INDEX: index({**MAP, "u": MAP["v.weight"]})}),
       f"{INDEX}: tensor 'u' is in the index, but not in pytorch_model-00002-of-00002.bin")

take("good.bin", GOOD, "w.weight")
take("good.pt", GOOD, "w.weight")
take("good.pth", GOOD, "w.weight")
take("good-any-name", GOOD, "w.weight")
take("zip-without-64.bin", archive(entries(), zip64=False), "w.weight")
take("zip-sizes-before.bin", archive([
    Entry(e.name, e.data, flags=0, local_sizes=(e.crc, e.size, e.size)) for e in entries()]), "w.weight")
take("zip-64-everywhere.bin", archive([
    Entry(e.name, e.data, size=0xffffffff, packed=0xffffffff, extra=struct.pack("<HHQQ", 1, 16, e.size, e.size),
          descriptor=b"PK\7\10" + struct.pack("<IQQ", e.crc, e.size, e.size)) for e in entries()],
    end={"here": 0xffff, "all": 0xffff, "size": 0xffffffff, "place": 0xffffffff}), "w.weight")
take("zip-64-local.bin", archive([
    Entry(e.name, e.data, flags=0, local_sizes=(e.crc, 0xffffffff, 0xffffffff),
          local_extra=b"FB\2\0ZZ" + struct.pack("<HHQQ", 1, 16, e.size, e.size)) for e in entries()]), "w.weight")
take("zip-data-crc.bin", archive([entries()[0], Entry("m/data/0", FLOATS, crc=7)]), "w.weight")
take("no-byte-order.bin", file(order=None), "w.weight")
take("other-values.bin", file(START + dictionary(
    (text("w.weight"), tensor()), (integer(1), text("x")), (text("n"), b"N"), (text("w"), integer(1 << 70)),
    (b"U\x01s", b"G" + bytes(8)), (text(b"\xff"), b"](K\x01K\x02e"), (b"N", b")"), (text("l"), b"]Na"),
    (text("size"), name("torch", "Size") + b")\x85R")) + b"."), "w.weight")
take("short-string.bin", file(START + dictionary((b"U\x01w", tensor())) + b"."), "w")
take("later-replaces.bin", file(START + dictionary(
    (text("state_dict"), dictionary((text("w"), tensor()))), (text("model"), b"}"), (text("model"), b"N")) + b"."),
     "w")
take("deep.bin", file(state(value=tensor()) [:-2] + text("deep") + b"(" * 90 + b"t" * 90 + b"u."), "w.weight")
take("folder", folder({"pytorch_model.bin": GOOD, "training_args.bin": ARGUMENTS, "optimizer.bin": b"x"}),
     "w.weight")
take("folder-sharded", folder({**SHARDS, INDEX: index(MAP), "training_args.bin": ARGUMENTS}),
     "v.weight", "w.weight")
take("folder-safetensors", folder({"model.safetensors": models.GOOD, "pytorch_model.bin": b"x"}), "w")
take("folder-one-known", folder({"weights.bin": GOOD, "other.bin": b"x"}), "w.weight")
take("folder-one", folder({"weights.bin": GOOD, "config.json": b"{}"}), "w.weight")


if __name__ == "__main__":
    sys.exit(models.write_all(sys.argv[1], REFUSED, TAKEN))
