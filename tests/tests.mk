# How the tests are built; included by the Makefile at the top.

.PHONY: unit-tests gpu-tests check-gpu check-exhaustive property-test fuzz fuzz-replay

# --- unit tests: C, one program each, run by tests/unit.t ------------------------------------------

UNIT_TESTS = $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*.c))

unit-tests: $(UNIT_TESTS) $(BUILD)/tests/json-cases.tsv

$(UNIT_TESTS): %: %.o $(ARCHIVE)
	$(call echo,LINK)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(ARCHIVE) -Wl,--as-needed -llapacke -lopenblas -lpcre2-8 \
		-lxxhash -lm

$(BUILD)/tests/json-cases.tsv: tests/gen/json-cases.py
	$(Q)mkdir -p $(@D)
	$(Q)python3 -B $< >$@.tmp && mv $@.tmp $@

# For tests/bench/run: the calls of linear algebra that spectrum cannot do without, casts alone, a reader of
# streams, and the eigensolver alone.
BENCHES = $(patsubst %,$(BUILD)/tests/bench/%,bare casts sink solver)

$(BUILD)/tests/bench/bare $(BUILD)/tests/bench/bare_cuda: $(BUILD)/tests/bench/matrices.o

$(BENCHES): %: %.o $(ARCHIVE)
	$(call echo,LINK)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVE) -llapacke -lopenblas -lxxhash -lm

CUDA_BENCHES = $(BUILD)/tests/bench/bare_cuda $(BUILD)/tests/bench/cuda_solvers

$(CUDA_BENCHES:=.o): ALL_CFLAGS += -isystem $(CUDA_HOME)/include

$(CUDA_BENCHES): %: %.o $(CUDA_KERNELS) $(BUILD)/common/cuda_two_stage.o $(ARCHIVE)
	$(call echo,LINK)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVE) -L$(CUDA_HOME)/lib64 -lcusolver -lcublas -lcudart_static -lxxhash \
		-lstdc++ -ldl -lrt -lm

# --- on a GPU: spectrum's tests with --gpu for every matrix, and what is said and done when it fails --------

GPU_TESTS = $(BUILD)/tests/unit/eigen-cuda $(BUILD)/tests/on-gpu/fail_solver.so

$(BUILD)/tests/unit/eigen-cuda: $(BUILD)/tests/unit/eigen.o $(CUDA) $(ARCHIVE)
	$(call echo,LINK)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CUDA_LIBRARIES)

$(BUILD)/tests/on-gpu/fail_solver.so: tests/on-gpu/fail_solver.c
	$(call echo,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -isystem $(CUDA_HOME)/include -fPIC -shared -o $@ $< -ldl

gpu-tests: all cuda $(GPU_TESTS)

check-gpu: gpu-tests
	$(RUN) BUILD="$(BUILD)" GPU=required prove $(PROVE_FLAGS) tests/gpu.t
	PATH="$(CURDIR)/tests/on-gpu:$(CURDIR)/$(BUILD):$$PATH" BUILD="$(BUILD)" CC="$(CC)" GPU=required \
		prove $(PROVE_FLAGS) tests/degenerate.t tests/minilm.t tests/stream.t tests/bad-input.t

# Casts of all 2^32 float32 values, and of all values of the smaller types: half a minute.
check-exhaustive: $(BUILD)/tests/unit/cast
	$(BUILD)/tests/unit/cast --exhaustive

# The two-stage eigensolver against LAPACK on thousands of random matrices, so many of each kind: minutes.
PROPERTY_MATRICES = 600

property-test: $(BUILD)/tests/unit/two_stage
	HILLPIPE_PROPERTY_MATRICES=$(PROPERTY_MATRICES) $(BUILD)/tests/unit/two_stage

# --- fuzzing ---------------------------------------------------------------------------------------

FUZZ_TARGETS = format gguf header index pickle quantised stream zip
# For each target.
FUZZ_SECONDS = 600
FUZZ_CC      = clang
FUZZ_CFLAGS  = -std=c11 -D_GNU_SOURCE -Icommon -g -O1 -fno-omit-frame-pointer -DHILLPIPE_SANITIZE \
               -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_MODULES = $(patsubst %,common/%.c,anatomy architecture category config container \
               container_gguf container_safetensors container_torch crew dtype format format_bnb \
               format_cast format_extremes format_float format_ggml format_ggml_k format_integer format_mx \
               format_nvfp4 format_runs frame fused ggml gguf gguf_names head json lanes layer model \
               model_folder model_index natural payload payload_hash pickle quantised quantised_awq quantised_bnb \
               quantised_family quantised_fp4 quantised_gptq quantised_packed quantised_scaled \
               safetensors scales stream strided tally torch_state util view zip)

# Replays the committed corpus with whatever this build is made of.
FUZZ_REPLAYS = $(FUZZ_TARGETS:%=$(BUILD)/tests/fuzz/%)

fuzz-replay: $(FUZZ_REPLAYS)
	@for target in $(FUZZ_TARGETS); do \
		$(BUILD)/tests/fuzz/$$target tests/fuzz/corpus/$$target/* >$(BUILD)/tests/fuzz/$$target.log || \
			{ echo "$$target fails on $$(tail -n 1 $(BUILD)/tests/fuzz/$$target.log)" >&2; exit 1; }; \
	done

$(FUZZ_REPLAYS): %: %.o $(BUILD)/tests/fuzz/replay.o $(ARCHIVE)
	$(call echo,LINK)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(BUILD)/tests/fuzz/replay.o $(ARCHIVE) -lxxhash -lm

# Fuzzes each target; what it finds new is kept in build-fuzz/corpus, what fails in build-fuzz.
fuzz: $(FUZZ_TARGETS:%=fuzz-%)

$(FUZZ_TARGETS:%=fuzz-%): fuzz-%: build-fuzz/%
	@mkdir -p build-fuzz/corpus/$*
	cd build-fuzz && ./$* -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 \
		-max_len=4096 -dict=../tests/fuzz/dictionary -print_final_stats=1 -verbosity=0 \
		corpus/$* ../tests/fuzz/corpus/$*
.PHONY: $(FUZZ_TARGETS:%=fuzz-%)

$(FUZZ_TARGETS:%=build-fuzz/%): build-fuzz/%: tests/fuzz/%.c $(wildcard tests/fuzz/*.[ch]) \
		$(FUZZ_MODULES) $(wildcard common/*.h)
	@mkdir -p build-fuzz
	$(FUZZ_CC) $(FUZZ_CFLAGS) -o $@ $< $(wildcard tests/fuzz/$*_mutator.c) $(FUZZ_MODULES) \
		-lxxhash -lm

-include $(UNIT_TESTS:=.d) $(BENCHES:=.d) $(CUDA_BENCHES:=.d) $(BUILD)/tests/bench/matrices.d \
	$(FUZZ_REPLAYS:=.d) $(BUILD)/tests/fuzz/replay.d
