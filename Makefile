# hillpipe. Two commands do everything: make demo, make check. Knobs may be set on the command line or
# in local.mk.

PREFIX  = /usr/local
DESTDIR =
CC      = cc
CFLAGS  = -O3 -g
# Sanitizers to build and test with, as in: make SANITIZE=address,undefined check
SANITIZE =
# Set to turn warnings into errors.
DEVELOPER =
# Set to see the commands.
V =
# Where the CUDA Toolkit is, for make cuda, and the GPUs to build for: machine code for Hopper, and for others
# what their driver translates, from the oldest that the toolkit knows.
CUDA_HOME = /usr/local/cuda
NVCC      = $(CUDA_HOME)/bin/nvcc
CUDA_ARCH = -gencode arch=compute_90,code=[sm_90,compute_90] -gencode arch=compute_75,code=compute_75
# The model that make demo runs on: a path or a Hugging Face id. Empty: one made by st-synth.
MODEL =

-include local.mk

PROGRAMS = st-layers prec-cast spectrum hill-alpha alpha-stats alpha-plan alpha-plot st-info st-merge st-synth
PAGES    = $(wildcard man/*.[157])
PIPELINES = $(wildcard pipelines/*)

# One folder for each way of building, so that they do not mix.
comma := ,
BUILD  = build$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))$(if $(filter-out cc gcc,$(CC)),-$(notdir $(CC)))

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
           -Wvla -Wwrite-strings -Wundef -Wpointer-arith -Wformat=2 -Wno-format-nonliteral
# No contraction of a*b+c: the same bits on every processor.
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -Icommon -ffp-contract=off $(WARNINGS) \
             $(if $(DEVELOPER),-Werror) \
             $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all \
             -DHILLPIPE_SANITIZE -Wno-format-truncation) \
             $(CFLAGS)
ALL_LDFLAGS = $(if $(SANITIZE),-fsanitize=$(SANITIZE)) -pthread $(LDFLAGS)

COMMON  = $(patsubst common/%.c,$(BUILD)/common/%.o,$(filter-out common/cuda_%,$(wildcard common/*.c)))
ARCHIVE = $(BUILD)/libhillpipe.a

.PHONY: all cuda deps build-deps demo check bench bench-gpu bundle pictures lint format install uninstall clean

all: $(PROGRAMS:%=$(BUILD)/%)

# --- building -------------------------------------------------------------------------------------

Q    = $(if $(V),,@)
echo = $(if $(V),,@echo "  $(1)	$@")

$(BUILD)/%.o: %.c | build-deps
	$(call echo,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Code for vector units that not every processor has, chosen when it runs (common/kernels.h).
ifneq ($(filter x86_64%,$(shell $(CC) -dumpmachine)),)
$(BUILD)/common/kernels_avx512.o: ALL_CFLAGS += -mavx512f -mfma
$(BUILD)/common/kernels_avx2.o: ALL_CFLAGS += -mavx2 -mfma
endif

$(ARCHIVE): $(COMMON)
	$(call echo,AR)
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

# What a program needs beyond the C library.
$(BUILD)/st-layers $(BUILD)/hill-alpha $(BUILD)/alpha-plot: LDLIBS = -lpcre2-8
$(BUILD)/spectrum: LDLIBS = -llapacke -lopenblas

$(PROGRAMS:%=$(BUILD)/%): $(BUILD)/%: $(BUILD)/cmd/%.o $(ARCHIVE)
	$(call echo,LINK)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(ARCHIVE) $(LDLIBS) -lxxhash -lm

# --- for GPUs -------------------------------------------------------------------------------------

# spectrum with the back end for CUDA devices. cuBLAS and cuSOLVER are loaded when it runs.
CUDA_KERNELS = $(patsubst common/%.cu,$(BUILD)/common/%.o,$(wildcard common/cuda_*.cu))
CUDA = $(patsubst common/%.c,$(BUILD)/common/%.o,$(wildcard common/cuda_*.c)) $(CUDA_KERNELS)

CUDA_LIBRARIES = -llapacke -lopenblas -lxxhash $(CUDA_HOME)/lib64/libcudart_static.a -lstdc++ -ldl -lrt -lm

cuda: all $(BUILD)/spectrum-cuda

$(CUDA): ALL_CFLAGS += -isystem $(CUDA_HOME)/include

$(CUDA_KERNELS): $(BUILD)/%.o: %.cu $(wildcard common/cuda_*.h common/cuda_*.cuh)
	$(call echo,NVCC)
	$(Q)mkdir -p $(@D)
	$(Q)$(NVCC) -O3 -lineinfo --fmad=false -Icommon $(CUDA_ARCH) -std=c++20 -Xcompiler -Wall -c -o $@ $<

$(BUILD)/spectrum-cuda: $(BUILD)/cmd/spectrum.o $(CUDA) $(ARCHIVE)
	$(call echo,LINK)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CUDA_LIBRARIES)

# --- what must be installed -----------------------------------------------------------------------

BUILD_PACKAGES = $(if $(findstring clang,$(CC)),clang,gcc) libc6-dev libopenblas-dev liblapacke-dev libpcre2-dev libxxhash-dev
CHECK_PACKAGES = fonts-dejavu-core gnuplot-nox libcjson-dev mandoc patchelf perl python3 python3-venv strace

deps:
	tests/install-packages $(BUILD_PACKAGES) $(CHECK_PACKAGES)

# Asks the package system only when a header is missing, so that a build needs no privileges.
build-deps:
	@printf '%s\n' '#include <cblas.h>' '#include <lapacke.h>' '#include <xxhash.h>' \
		'#define PCRE2_CODE_UNIT_WIDTH 8' '#include <pcre2.h>' | \
		$(CC) -E - >/dev/null 2>&1 || tests/install-packages $(BUILD_PACKAGES)

# --- running --------------------------------------------------------------------------------------

# The programs of this build, and nothing of the user's settings that change what they print.
RUN = PATH="$(CURDIR)/$(BUILD):$$PATH"

demo: all
	@$(RUN) pipelines/demo $(MODEL)

check: deps
	@$(MAKE) --no-print-directory all unit-tests fuzz-replay
	$(RUN) BUILD="$(BUILD)" CC="$(CC)" prove $(PROVE_FLAGS) tests/*.t

bench: all $(BENCHES)
	$(RUN) tests/bench/run

bench-gpu: all cuda $(BUILD)/tests/bench/sink $(CUDA_BENCHES)
	$(RUN) tests/bench/run gpu

# The pictures in README.md, of the model that the tests use.
pictures: all
	tests/install-packages gnuplot-nox fonts-dejavu-core
	tests/fetch-minilm
	$(RUN) tests/draw-pictures tests/data/minilm man/pictures

lint:
	tests/install-packages clang-format mandoc
	clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h' '*.cu' '*.cuh')
	tests/man-lint $(PAGES)
	@for header in $(filter-out common/cuda_%,$(wildcard common/*.h)); do \
		echo "#include \"$$header\"" | $(CC) -std=c11 -D_GNU_SOURCE -Icommon -I. -fsyntax-only -x c - || \
			exit 1; done

format:
	clang-format -i $$(git ls-files '*.c' '*.h' '*.cu' '*.cuh')

# --- installing -----------------------------------------------------------------------------------

BIN  = $(DESTDIR)$(PREFIX)/bin
MAN  = $(DESTDIR)$(PREFIX)/share/man
DATA = $(DESTDIR)$(PREFIX)/share/hillpipe

install: all
	install -d $(BIN) $(DATA)/pipelines
	install $(PROGRAMS:%=$(BUILD)/%) $(wildcard $(BUILD)/spectrum-cuda) $(BIN)
	install $(filter-out %.mk,$(PIPELINES)) $(DATA)/pipelines
	install -m 644 $(filter %.mk,$(PIPELINES)) $(DATA)/pipelines
	for page in $(PAGES); do \
		install -D -m 644 $$page $(MAN)/man$${page##*.}/$${page#man/} || exit 1; done

uninstall:
	rm -f $(PROGRAMS:%=$(BIN)/%) $(BIN)/spectrum-cuda $(PIPELINES:%=$(DATA)/%)
	[ ! -d $(DATA) ] || rmdir --ignore-fail-on-non-empty $(DATA)/pipelines $(DATA)
	for page in $(PAGES); do rm -f $(MAN)/man$${page##*.}/$${page#man/}; done

# --- for machines where nothing can be installed ---------------------------------------------------

# The programs, with spectrum-cuda where nvcc is, and the shared libraries that they need beside the C library,
# in one archive to unpack anywhere. CUDA's own libraries are too large, and are where CUDA is used.
VERSION = $(shell sed -n 's/^\#define HILLPIPE_VERSION "\(.*\)"/\1/p' common/program.h)
BUNDLE  = hillpipe-$(VERSION)-$(shell uname -s -m | tr 'A-Z ' 'a-z-')
NOT_BUNDLED = /(ld-linux[^/]*|lib(c|m|dl|rt|pthread))[.]so

bundle: all $(if $(wildcard $(NVCC)),cuda)
	command -v patchelf >/dev/null || tests/install-packages patchelf
	rm -rf $(BUILD)/$(BUNDLE)
	$(MAKE) --no-print-directory install DESTDIR= PREFIX=$(CURDIR)/$(BUILD)/$(BUNDLE)
	mkdir $(BUILD)/$(BUNDLE)/lib
	ldd $(BUILD)/$(BUNDLE)/bin/* | awk '$$2 == "=>" { print $$3 }' | grep -vE '$(NOT_BUNDLED)' | sort -u | \
		xargs -I{} cp -L {} $(BUILD)/$(BUNDLE)/lib
	chmod 644 $(BUILD)/$(BUNDLE)/lib/*
	strip $(BUILD)/$(BUNDLE)/bin/* $(BUILD)/$(BUNDLE)/lib/*
	patchelf --force-rpath --set-rpath '$$ORIGIN/../lib' $(BUILD)/$(BUNDLE)/bin/*
	patchelf --force-rpath --set-rpath '$$ORIGIN' $(BUILD)/$(BUNDLE)/lib/*
	cp README.md LICENSE $(BUILD)/$(BUNDLE)
	tar -C $(BUILD) -czf $(BUILD)/$(BUNDLE).tar.gz $(BUNDLE)
	@echo $(BUILD)/$(BUNDLE).tar.gz

clean:
	rm -rf build build-*

-include tests/tests.mk
-include $(COMMON:.o=.d) $(CUDA:.o=.d) $(PROGRAMS:%=$(BUILD)/cmd/%.d)
