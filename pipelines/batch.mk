# Analyses many models, each divided into parts that run side by side:
#
#     make -f pipelines/batch.mk MODELS="a b" PRECISIONS=fp32,fp16,bf16 SHARDS=4 -j4
#
# A part, and a model, that is finished is not done again. A model that fails is reported, and does not stop
# the others. The results of a model are those of precision-analysis, byte for byte, in OUTPUT/NAME; its name
# is the model's path or id with "--" for each "/". hillpipe-pipelines(7) says more.

MODELS     =
PRECISIONS = fp32,fp16,bf16
# Parts for each model.
SHARDS     = 1
OUTPUT     = results
# Further options of precision-analysis, such as --gpu, --k-frac 0.2 or --no-individual.
OPTIONS    =
# Processes or threads for each part: 1, since make runs several parts at a time.
JOBS       = 1

ANALYSIS := $(dir $(lastword $(MAKEFILE_LIST)))precision-analysis

# The programs: those in PATH, those of the build beside this file, or those that it was installed with.
BESIDE      := $(dir $(realpath $(lastword $(MAKEFILE_LIST))))
export PATH := $(PATH):$(BESIDE)../build:$(BESIDE)../../../bin

# What one of several targets printed stays together, and a model that fails does not stop the others.
MAKEFLAGS += --keep-going --output-sync=target --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:

ifeq ($(strip $(MODELS)),)
$(error MODELS="..." says which models: paths, or ids of the Hugging Face cache)
endif

# The name of a model's folder.
strip_dots = $(patsubst ./%,%,$(patsubst %/,%,$(1)))
name = $(patsubst --%,%,$(subst /,--,$(call strip_dots,$(1))))
NAMES := $(foreach model,$(MODELS),$(call name,$(model)))

ifneq ($(words $(NAMES)),$(words $(sort $(NAMES))))
$(error two models have the same name, or one is there twice: $(NAMES))
endif

PARTS := $(shell seq $(SHARDS))

.PHONY: all
all: $(NAMES:%=$(OUTPUT)/%/done)

# For each model: is it there, its parts, the rest. 1 is the status of a result that lacks some layer.
define analyse
.PHONY: $(OUTPUT)/$(2)/model $(OUTPUT)/$(2)/done
$(OUTPUT)/$(2)/model:
	@$$(call run,$(1),st-layers --list '$(1)' >/dev/null)

$(OUTPUT)/$(2)/done: $(PARTS:%=$(OUTPUT)/$(2)/part-%)
	@$$(call run,$(1),$$(call analysis,$(1),$(2)) --shards $(SHARDS))

$(foreach part,$(PARTS),$(call analyse_part,$(1),$(2),$(part)))
endef

define analyse_part
.PHONY: $(OUTPUT)/$(2)/part-$(3)
$(OUTPUT)/$(2)/part-$(3): $(OUTPUT)/$(2)/model
	@$$(call run,$(1),$$(call analysis,$(1),$(2)) --shard $(3)/$(SHARDS))

endef

analysis = $(ANALYSIS) --model '$(1)' --precisions '$(PRECISIONS)' --output-dir '$(OUTPUT)/$(2)' \
	--jobs $(JOBS) $(OPTIONS)

run = $(2); status=$$?; \
	case $$status in \
	0) ;; \
	1) echo "batch: $(1): some layer has no estimate" >&2 ;; \
	*) echo "batch: $(1): FAILED with status $$status" >&2; exit $$status ;; \
	esac

$(foreach model,$(MODELS),$(eval $(call analyse,$(model),$(call name,$(model)))))
