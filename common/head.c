#include "head.h"

#include <stdlib.h>
#include <string.h>

/*
 * Whether the class that the configuration names has an output layer that is tied to the embedding unless
 * it says otherwise: transformers, _tied_weights_keys of the classes with these names. Of those for
 * pretraining, BERT's kin have one, and ELECTRA and the models of images do not.
 */
static bool
class_has_tied_head(const struct config *config, const char *module)
{
	static const char *const classes[] = {"ForCausalLM", "LMHeadModel", "ForMaskedLM",
					      "ForConditionalGeneration"};
	const char *name = config_text(config, "architectures.0");

	for (size_t i = 0; name && i < sizeof(classes) / sizeof(*classes); i++)
		if (has_suffix(name, classes[i]))
			return true;
	return name && has_suffix(name, "ForPreTraining") &&
	       has_suffix(module, "predictions.decoder");
}

/* The name of the output layer, which most call lm_head: the keys of _tied_weights_keys. */
static const char *
head_name(const struct anatomy *anatomy)
{
	static const struct {
		const char *types[20], *module;
	} names[] = {
		{{"bert", "big_bird", "deberta", "deberta-v2", "ernie", "fnet", "layoutlm",
		  "lxmert", "megatron-bert", "mobilebert", "mra", "nomic_bert", "nystromformer",
		  "roc_bert", "roformer", "squeezebert", "tapas", "visual_bert", "yoso"},
		 "cls.predictions.decoder"},
		{{"bert-generation", "camembert", "data2vec-text", "esm", "gte", "ibert",
		  "longformer", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta",
		  "xlm-roberta-xl", "xmod"},
		 "lm_head.decoder"},
		{{"albert"}, "predictions.decoder"},
		{{"distilbert"}, "vocab_projector"},
		{{"electra", "convbert"}, "generator_lm_head"},
		{{"modernbert", "modernbert-decoder"}, "decoder"},
		{{"gpt_neox", "gpt_neox_japanese"}, "embed_out"},
		{{"whisper", "moonshine"}, "proj_out"},
		{{"biogpt", "trocr"}, "output_projection"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (anatomy_is(anatomy, names[i].types))
			return names[i].module;
	return "lm_head";
}

/* Whether a name is module.weight, perhaps with a prefix of more modules before it. */
static bool
is_weight_of(const char *name, const char *module)
{
	char *ending = format_text("%s.weight", module);
	size_t more = strlen(name) - strlen(ending);
	bool is = has_suffix(name, ending) && (!more || name[more - 1] == '.');

	free(ending);
	return is;
}

/* The first tensor of a module that may be anywhere, with as many rows as there are tokens. */
static const struct model_tensor *
find_table(const struct anatomy *anatomy, const char *module, const char *within)
{
	const struct model *model = anatomy->model;

	for (size_t i = 0; i < model->count; i++) {
		const struct model_tensor *tensor = &model->tensors[i];

		if (tensor->rank == 2 && is_weight_of(tensor->name, module) &&
		    strstr(tensor->name, within) &&
		    (!anatomy->vocabulary || tensor->shape[0] == anatomy->vocabulary))
			return tensor;
	}
	return NULL;
}

/* The embedding of tokens, by the names that it has; a decoder's before an encoder's. */
static const struct model_tensor *
find_embedding(const struct anatomy *anatomy)
{
	static const struct {
		const char *module, *within;
	} names[] = {{"shared", ""},	    {"embed_tokens", "decoder."}, {"embed_tokens", ""},
		     {"wte", ""},	    {"word_embeddings", ""},	  {"embed_in", ""},
		     {"tokens_embed", ""},  {"tok_embeddings", ""},	  {"embeddings", ""},
		     {"word_embedding", ""}};
	const struct model_tensor *table = NULL;

	for (size_t i = 0; !table && i < sizeof(names) / sizeof(*names); i++)
		table = find_table(anatomy, names[i].module, names[i].within);
	return table;
}

struct head
head_of(const struct anatomy *anatomy)
{
	static const char *const others[] = {"lm_head", "embed_out", "output", "generator_lm_head"};
	const struct config *config = &anatomy->model->config;
	struct head head = {.module = head_name(anatomy)};

	if (!class_has_tied_head(config, head.module) ||
	    !config_flag(config, "tie_word_embeddings", true))
		return head;
	head.tensor = find_table(anatomy, head.module, "");
	for (size_t i = 0; !head.tensor && i < sizeof(others) / sizeof(*others); i++)
		head.tensor = find_table(anatomy, others[i], "");
	/* One that is on disk although it is not said to be tied may be another matrix. */
	if (!head.tensor || config_flag(config, "tie_word_embeddings", false))
		head.table = find_embedding(anatomy);
	return head;
}
