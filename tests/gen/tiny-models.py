"""What torch.nn.Linear modules hold in tiny models of transformers: tiny-models.py [NAME...]

For each model writes to tests/golden/models/NAME its config.json; tensors.tsv, the list of the tensors that
save_pretrained() writes, for tests/write-checkpoint to make the checkpoint again; and layers.tsv, the name,
rows, columns and SHA-256 of the float32 values of every linear layer of the model that from_pretrained()
makes of that checkpoint.

Linear layers are the weights of torch.nn.Linear; those of transformers' Conv1D, transposed; the matrices of
fused experts; and the routers, which were torch.nn.Linear before transformers 5. What is fused is split by
the model's own code, run on the identity matrix, wherever that can be called. Modules have the names that
the files give them, which are not always those in memory: a layer's is that of the tensor with its values.
"""
import hashlib
import importlib
import os
import re
import shutil
import sys
import tempfile
from importlib.machinery import SourceFileLoader

import torch
import transformers
from safetensors import safe_open
from transformers.pytorch_utils import Conv1D

GOLDEN = "tests/golden/models"
writer = SourceFileLoader("writer", "tests/write-checkpoint").load_module()

LLAMA = dict(vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
             num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=32,
             pad_token_id=0, bos_token_id=1, eos_token_id=2)
MOE = dict(LLAMA, num_experts=3, num_local_experts=3, num_experts_per_tok=2, moe_intermediate_size=12,
           head_dim=4)
GPT2 = dict(vocab_size=40, n_embd=16, n_layer=2, n_head=4, n_positions=32, bos_token_id=1,
            eos_token_id=2)
BLOOM = dict(vocab_size=40, hidden_size=16, n_layer=2, n_head=4, bos_token_id=1, eos_token_id=2)
FALCON = dict(vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, alibi=False,
              bos_token_id=1, eos_token_id=2, ffn_hidden_size=32)
BERT = dict(vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=4,
            intermediate_size=24, max_position_embeddings=16)
VIT = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24,
           image_size=8, patch_size=4)
DEEPSEEK = dict(LLAMA, num_key_value_heads=4, moe_intermediate_size=12, n_routed_experts=4,
                num_experts_per_tok=2, n_group=2, topk_group=1, n_shared_experts=1,
                first_k_dense_replace=1, q_lora_rank=8, kv_lora_rank=8, qk_rope_head_dim=4,
                qk_nope_head_dim=4, v_head_dim=4)
T5 = dict(vocab_size=40, d_model=16, d_kv=4, d_ff=24, num_layers=2, num_heads=4)

# Name, class, arguments of its configuration.
MODELS = [
    ("llama", "LlamaForCausalLM", LLAMA),
    ("llama-tied", "LlamaForCausalLM", dict(LLAMA, tie_word_embeddings=True)),
    ("mistral", "MistralForCausalLM", dict(LLAMA, head_dim=8)),
    ("qwen2", "Qwen2ForCausalLM", dict(LLAMA, tie_word_embeddings=True)),
    ("qwen3", "Qwen3ForCausalLM", dict(LLAMA, head_dim=8)),
    ("qwen3-moe", "Qwen3MoeForCausalLM", dict(MOE, mlp_only_layers=[1])),
    ("gemma2", "Gemma2ForCausalLM", dict(LLAMA, head_dim=8)),
    ("gemma3", "Gemma3ForCausalLM", dict(LLAMA, head_dim=8)),
    ("phi3", "Phi3ForCausalLM", LLAMA),
    ("glm4", "Glm4ForCausalLM", dict(LLAMA, head_dim=4)),
    ("gpt2", "GPT2LMHeadModel", GPT2),
    ("gpt2-cross", "GPT2LMHeadModel", dict(GPT2, add_cross_attention=True)),
    ("gpt-bigcode", "GPTBigCodeForCausalLM", GPT2),
    ("gpt-bigcode-heads", "GPTBigCodeForCausalLM", dict(GPT2, multi_query=False)),
    ("codegen", "CodeGenForCausalLM", dict(GPT2, rotary_dim=4)),
    ("gpt-neox", "GPTNeoXForCausalLM", {k: v for k, v in LLAMA.items() if k != "num_key_value_heads"}),
    ("persimmon", "PersimmonForCausalLM", LLAMA),
    ("bloom", "BloomForCausalLM", BLOOM),
    ("falcon-grouped", "FalconForCausalLM",
     dict(FALCON, new_decoder_architecture=True, num_kv_heads=2)),
    ("falcon-shared", "FalconForCausalLM", dict(FALCON, multi_query=True)),
    ("falcon-heads", "FalconForCausalLM", dict(FALCON, multi_query=False, alibi=True)),
    ("mpt", "MptForCausalLM", dict(vocab_size=40, d_model=16, n_heads=4, n_layers=2, max_seq_len=32)),
    ("dbrx", "DbrxForCausalLM",
     dict(vocab_size=40, d_model=16, n_heads=4, n_layers=2, max_seq_len=32,
          attn_config=dict(kv_n_heads=2, clip_qkv=1000.0, rope_theta=10000.0),
          ffn_config=dict(ffn_hidden_size=12, moe_num_experts=3, moe_top_k=2, hidden_size=16))),
    ("mixtral", "MixtralForCausalLM", MOE),
    ("olmoe", "OlmoeForCausalLM", MOE),
    ("granite-moe", "GraniteMoeForCausalLM", MOE),
    ("deepseek-v2", "DeepseekV2ForCausalLM", DEEPSEEK),
    ("deepseek-v3", "DeepseekV3ForCausalLM", DEEPSEEK),
    ("gpt-oss", "GptOssForCausalLM", dict(MOE, intermediate_size=16)),
    ("llama4", "Llama4ForCausalLM",
     dict(MOE, intermediate_size_mlp=20, interleave_moe_layer_step=2, no_rope_layers=[1, 1])),
    ("qwen3-vl-moe", "Qwen3VLMoeForConditionalGeneration",
     dict(text_config=dict(MOE, decoder_sparse_step=1,
                           rope_parameters=dict(rope_theta=1e4, rope_type="default", mrope_section=[1, 1, 0])),
          vision_config=dict(depth=1, hidden_size=16, intermediate_size=24, num_heads=2, patch_size=2,
                             out_hidden_size=16, num_position_embeddings=16,
                             deepstack_visual_indexes=[0]))),
    ("jetmoe", "JetMoeForCausalLM",
     dict(LLAMA, num_local_experts=3, num_experts_per_tok=2, kv_channels=4, num_key_value_heads=2)),
    ("minimax", "MiniMaxForCausalLM",
     dict(MOE, layer_types=["linear_attention", "full_attention"])),
    ("bert", "BertForMaskedLM", BERT),
    ("bert-model", "BertModel", BERT),
    ("roberta", "RobertaForMaskedLM", BERT),
    ("distilbert", "DistilBertForSequenceClassification",
     dict(vocab_size=40, dim=16, hidden_dim=24, n_layers=2, n_heads=4)),
    ("albert", "AlbertForMaskedLM", dict(BERT, embedding_size=8)),
    ("modernbert", "ModernBertForMaskedLM",
     dict(BERT, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2)),
    ("vit", "ViTForImageClassification", VIT),
    ("dinov2", "Dinov2Model", dict(VIT, use_swiglu_ffn=True)),
    ("clip", "CLIPModel",
     dict(text_config=dict(LLAMA), vision_config=dict(VIT), projection_dim=8)),
    ("t5", "T5ForConditionalGeneration", dict(T5, feed_forward_proj="gated-gelu")),
    ("mamba", "MambaForCausalLM",
     dict(vocab_size=40, hidden_size=16, state_size=4, num_hidden_layers=2, time_step_rank=4)),
]

# Experts whose matrices lie inputs x outputs; and of these, gate and up alternating.
TRANSPOSED, ALTERNATING = {"gpt_oss", "llama4_text"}, {"gpt_oss"}


class Captured(Exception):
    pass


def capture(*args, **_):
    """In place of attention: hands over queries, keys and values."""
    raise Captured(*[x for x in args if torch.is_tensor(x)][:3])


def as_weight(states):
    """What (1, heads, inputs, length) of the identity matrix says of the weights."""
    return states[0].transpose(0, 1).flatten(1).T


def run_attention(module, inputs):
    """Queries, keys and values by the forward() of a module up to its attention, without positions."""
    code = importlib.import_module(type(module).__module__)
    kept = {name: getattr(code, name, None) for name in ("eager_attention_forward", "apply_rotary_pos_emb")}
    code.eager_attention_forward = capture
    if kept["apply_rotary_pos_emb"] and not hasattr(module, "_attn"):
        code.apply_rotary_pos_emb = lambda q, k, *args, **kwargs: (q, k)
    if hasattr(module, "_attn"):
        module._attn = capture
    identity = torch.eye(inputs)[None]
    arguments = {"position_embeddings": (None, None), "attention_mask": None}
    if type(module).__name__.startswith("CodeGen"):
        # In the first place, rotary positions change nothing.
        arguments = {"position_ids": torch.zeros(1, inputs, dtype=torch.long)}
    elif type(module).__name__.startswith("GPT") and "NeoX" not in type(module).__name__:
        arguments = {}
    try:
        module(identity, **arguments)
    except Captured as captured:
        return [as_weight(x) for x in captured.args]
    finally:
        for name, value in kept.items():
            setattr(code, name, value)
    raise SystemExit(f"{type(module).__name__}: no attention was run")


def split_attention(module, linear, weight):
    """Parts q, k, v of the fused layer of an attention module."""
    name = type(module).__name__
    fused = weight.T[None]  # of the identity matrix
    if name == "BloomAttention":
        return [as_weight(x) for x in module._reshape(fused)]
    if name == "PersimmonAttention":
        return [as_weight(x.transpose(1, 2)) for x in module._split_heads(fused)]
    if name == "FalconAttention":
        query, key, value = module._split_heads(fused)
        if module.new_decoder_architecture:  # which repeats keys and values for each query
            step = module.num_heads // module.num_kv_heads
            key, value = key[:, :, ::step], value[:, :, ::step]
        return [as_weight(x.transpose(1, 2)) for x in (query, key, value)]
    if name == "MptAttention":  # modeling_mpt.py: mixed_qkv.chunk(3, dim=2)
        return [x[0].T for x in fused.chunk(3, dim=2)]
    for layer in module.modules():
        if getattr(layer, "bias", None) is not None:
            layer.bias.data.zero_()
    return run_attention(module, weight.shape[1])


def split(model, path, weight):
    """(part, matrix) of a linear layer: ("", weight) if it is not fused."""
    last = path.rsplit(".", 1)[-1]
    parent = model.get_submodule(path.rpartition(".")[0])
    if last == "c_attn" and "crossattention" in path:
        # modeling_gpt2.py: key_states, value_states = self.c_attn(...).split(self.split_size, dim=2)
        return zip(("k", "v"), weight.split(parent.split_size))
    if last == "qkv":  # modeling_qwen3_vl_moe.py: reshape(seq_length, 3, ...).permute(1, ...).unbind(0)
        return zip("qkv", weight.chunk(3))
    if type(parent).__name__ == "MiniMaxLightningAttention" and last == "qkv_proj":
        # modeling_minimax.py: reshape(..., num_attention_heads, 3 * head_dim), split(head_dim)
        heads = weight.view(parent.num_attention_heads, 3 * parent.head_dim, -1)
        return zip("qkv", [x.flatten(0, 1) for x in heads.split(parent.head_dim, dim=1)])
    if last in ("query_key_value", "qkv_proj", "c_attn", "Wqkv"):
        parts = split_attention(parent, last, weight)
        assert sum(len(x) for x in parts) == len(weight)
        return zip("qkv", parts)
    if last == "gate_up_proj":  # modeling_phi3.py, modeling_glm4.py: chunk(2, dim=-1)
        return zip(("gate", "up"), weight.chunk(2))
    if last == "weights_in":  # modeling_dinov2.py: silu(x1) * x2
        return zip(("gate", "up"), weight.chunk(2))
    return [("", weight)]


def experts(module, path, model_type):
    """(parameter, expert, part, matrix) of a module of fused experts."""
    # modeling_jetmoe.py, JetMoeMoE.forward(): self.input_linear(...).chunk(2, dim=-1); not so in JetMoeMoA
    gated = path.endswith(".mlp.input_linear")
    for name, stack in module.named_parameters(recurse=False):
        if stack.dim() != 3:
            continue
        for i, weight in enumerate(stack.detach().float()):
            if model_type in TRANSPOSED:
                weight = weight.T
            if "gate_up" not in name and not gated:
                yield name, i, "", weight
            elif model_type in ALTERNATING:
                yield name, i, "gate", weight[::2]
                yield name, i, "up", weight[1::2]
            else:
                gate, up = weight.chunk(2)
                yield name, i, "gate", gate
                yield name, i, "up", up


def dbrx_experts(module):
    """The same for DBRX: modeling_dbrx.py, DbrxExperts.forward() and DbrxExpertGLU.forward()."""
    shape = (-1, module.ffn_hidden_size, module.hidden_size)
    for name in ("v1", "w1", "w2"):
        for i, weight in enumerate(getattr(module, name).detach().view(shape)):
            yield name, i, "", weight.T if name == "w2" else weight


def is_router(path, module):
    """Whether it is a router's bare parameter that was a torch.nn.Linear before transformers 5."""
    weight = getattr(module, "weight", None)
    return (re.search(r"\.(gate|router)$", path) and isinstance(weight, torch.nn.Parameter)
            and weight.dim() == 2 and not isinstance(module, torch.nn.Linear)
            and type(module).__name__ not in ("DeepseekV3TopkRouter", "GptOssTopKRouter"))


def embedding_of(model):
    """The embedding that an output layer may be tied to."""
    try:
        return model.get_input_embeddings()
    except NotImplementedError:  # of several towers
        return None


def layers(model, on_disk):
    """The (tensor, name, matrix) of all linear layers, by the names in the files."""
    of_values = {x.numpy().tobytes(): name for name, x in on_disk.items()}

    def find(weight):
        """The tensor with the values of a weight, as it is or with its last dimensions exchanged."""
        for x in (weight, weight.mT):
            name = of_values.get(x.contiguous().numpy().tobytes())
            if name and on_disk[name].shape == x.shape:
                return name
        return None

    def find_half(weight):
        """Likewise, a tensor of which the weight is the first or second half of the rows."""
        for name, x in on_disk.items():
            if x.dim() == 2 and x.shape[0] == 2 * weight.shape[0]:
                for part, half in zip(("gate", "up"), x.chunk(2)):
                    if half.equal(weight):
                        return name, part
        raise SystemExit(f"a weight of shape {weight.shape} is in no file")

    table = getattr(embedding_of(model), "weight", None)
    model_type = model.config.model_type
    for path, module in model.named_modules():
        if isinstance(module, (torch.nn.Linear, Conv1D)) or is_router(path, module):
            weight = module.weight.detach().float()
            tensor = find(weight)
            if tensor is None:  # split when it was loaded
                tensor, part = find_half(weight)
                assert path.endswith(part + "_proj")
                yield tensor, f"{tensor.removesuffix('.weight')}.{part}", weight
                continue
            if module.weight is table:
                tensor = f"{path}.weight"
            if isinstance(module, Conv1D):
                weight = weight.T
            for part, matrix in list(split(model, path, weight)):
                yield tensor, ".".join(filter(None, (tensor.removesuffix(".weight"), part))), matrix
        elif type(module).__name__ == "DbrxExpertGLU":
            for parameter, i, _, matrix in dbrx_experts(module):
                tensor = find(getattr(module, parameter).detach())
                yield tensor, tensor.replace("experts", f"experts.{i}"), matrix
        elif type(module).__name__.endswith("Experts"):
            for parameter, i, part, matrix in experts(module, path, model_type):
                tensor = find(getattr(module, parameter).detach().float())
                if tensor is None:  # a tensor for each expert
                    tensor = find(matrix)
                    yield tensor, tensor.removesuffix(".weight"), matrix
                    continue
                name = tensor.removesuffix(".weight")
                name = (name.replace("experts", f"experts.{i}") if "experts" in name
                        else f"{name}.{i}")
                yield tensor, ".".join(filter(None, (name, part))), matrix


def natural(text):
    """The order of names in a model."""
    return [int(x) if x.isdigit() else x for x in re.split(r"(\d+)", text)]


def make(name, class_name, arguments):
    folder = f"{GOLDEN}/{name}"
    os.makedirs(folder, exist_ok=True)
    model_class = getattr(transformers, class_name)
    config = model_class.config_class(**arguments)
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as place:
        model_class(config).save_pretrained(place)
        shutil.copy(f"{place}/config.json", f"{folder}/config.json")
        dtype = "BF16" if name in ("gpt-oss", "falcon-grouped", "gpt2") else "F32"
        with safe_open(f"{place}/model.safetensors", "pt") as file:
            tensors = [(key, dtype, list(file.get_slice(key).get_shape())) for key in file.keys()]
        tensors.sort(key=lambda tensor: natural(tensor[0]))
        with open(f"{folder}/tensors.tsv", "w") as out:
            for key, kind, shape in tensors:
                print(key, kind, "x".join(map(str, shape)), sep="\t", file=out)
        writer.write(place, tensors)
        with safe_open(f"{place}/model.safetensors", "pt") as file:
            on_disk = {key: file.get_tensor(key).float() for key in file.keys()}
        model = model_class.from_pretrained(place, dtype=torch.float32, attn_implementation="eager").eval()
        with torch.no_grad():
            found = list(layers(model, on_disk))
    # Parts stay in the order that they come in.
    found.sort(key=lambda layer: natural(layer[0]))
    with open(f"{folder}/layers.tsv", "w") as out:
        for _, key, matrix in found:
            digest = hashlib.sha256(matrix.contiguous().numpy().tobytes()).hexdigest()
            print(key, *matrix.shape, digest[:32], sep="\t", file=out)
    print(name, len(found), "layers")


def main():
    os.environ["HF_HUB_OFFLINE"] = "1"
    transformers.logging.set_verbosity_error()
    for name, class_name, arguments in MODELS:
        if len(sys.argv) == 1 or name in sys.argv[1:]:
            make(name, class_name, arguments)


main()
