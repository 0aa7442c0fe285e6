/* What the name of an image of vLLM tells about what is in it. */
#include <ctype.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/cluster/cluster.h"
#include "planner/engines/vllm/vllm.h"

/* Words of a name are between characters that are not letters or digits: "npu" is not one of
 * "input". Long words may be anywhere: "rocm6.4.1". */
static bool
image_has(const char *image, const char *word)
{
	size_t n = strlen(word), end = strcspn(image, "@");

	for (size_t i = 0; i + n <= end; i++) {
		bool whole = (i == 0 || !isalnum((unsigned char)image[i - 1])) &&
			     (i + n == end || !isalnum((unsigned char)image[i + n]));

		if (strncasecmp(image + i, word, n) == 0 && (whole || n > 3))
			return true;
	}
	return false;
}

/* "cu129": CUDA 12.9, as tags of vLLM and PyTorch have it. 0: it has none. */
static int
image_cuda(const char *image)
{
	size_t end = strcspn(image, "@");

	for (size_t i = 1; i + 5 <= end; i++) {
		const char *s = image + i;

		if (strncasecmp(s, "cu", 2) == 0 && !isalnum((unsigned char)s[-1]) &&
		    strspn(s + 2, "0123456789") == 3)
			return (s[2] - '0') * 1000 + (s[3] - '0') * 100 + (s[4] - '0');
	}
	return 0;
}

enum { CUDA_OFFERED = 1204 };   /* older images are too old to be a way out */

/* The CUDA in vLLM's images without a suffix: from docker/Dockerfile (ARG CUDA_VERSION) and
 * release notes; `last`: of the releases with it. Newest first. */
static const struct { const char *since; int cuda; const char *last; } cudas[] = {
	{"v0.20.0", 1300, NULL}, {"v0.11.1", 1209, "v0.19.1"}, {"v0.9.0", 1208, "v0.11.0"},
	{"v0.4.3", 1204, "v0.8.5"}, {"v0.2.2", 1201, "v0.4.2"},
};

/* NCCL is that of PyTorch's wheel, which each release of vLLM demands in one version (requires_dist of
 * both). Newest first; images with a suffix for CUDA have wheels of another index. */
const char *
vllm_nccl(const char *image)
{
	static const struct { const char *since, *nccl; } nccls[] = {
		{"v0.33.0", "2.30.7"}, {"v0.27.0", "2.29.7"}, {"v0.20.0", "2.28.9"}, {"v0.11.1", "2.27.5"},
	};
	struct engine_version v = vllm_version_of_image(image, true);

	for (size_t i = 0; engine_version_known(v) && !image_cuda(image) && i < countof(nccls); i++)
		if (engine_version_compare(v, engine_version_read(nccls[i].since)) >= 0)
			return nccls[i].nccl;
	return NULL;
}

int
vllm_platform(const char *image, struct engine_version v)
{
	int given = image ? image_cuda(image) : 0;

	for (size_t i = 0; !given && engine_version_known(v) && i < countof(cudas); i++)
		if (engine_version_compare(v, engine_version_read(cudas[i].since)) >= 0)
			return cudas[i].cuda;
	return given;
}

const char *
vllm_image_with(struct arena *a, int platform)
{
	for (size_t i = 0; i < countof(cudas); i++)
		if (cudas[i].cuda <= platform && cudas[i].cuda >= CUDA_OFFERED && cudas[i].last)
			return arena_printf(a, "vllm/vllm-openai:%s (CUDA %d.%d)", cudas[i].last,
					    cudas[i].cuda / 100, cudas[i].cuda % 100);
	return NULL;
}

/* For what vLLM's images for ROCm are built (docker/Dockerfile.rocm_base); Ryzen AI since v0.19.0. */
static void
image_gpu_rocm(struct arena *a, const char *generation, struct engine_refusal *r)
{
	static const char *const known[] = {"gfx90a", "gfx942", "gfx950", "gfx1100", "gfx1101", "gfx1102",
		"gfx1150", "gfx1151", "gfx1152", "gfx1153", "gfx1200", "gfx1201"};

	for (size_t i = 0; i < countof(known); i++)
		if (strncmp(generation, known[i], strlen(known[i])) == 0)
			return;
	*r = (struct engine_refusal){arena_printf(a, "vLLM's images for ROCm have no code for %s", generation),
		"take an image that is built for it, or nodes with GPUs from MI200 or RX 7900 on", false};
}

/* PyTorch's builds, which the images contain, have no code for GPUs before Turing in CUDA 13, nor
 * for Volta in those for CUDA 12.9; code for Blackwell came with CUDA 12.8. vLLM itself needs
 * 7.0. */
void
vllm_gpu_refused(struct arena *a, const struct cluster *c, int platform, int capability,
		 const char *generation, struct engine_refusal *r)
{
	const char *dtype = spec_arg_value(c->spec, "dtype");
	bool wheel = c->venv && !c->sif;        /* there is no image */

	if (strncmp(generation, "gfx", 3) == 0)
		image_gpu_rocm(a, generation, r);
	else if (capability <= 0)
		return;
	else if (capability < 70)
		*r = (struct engine_refusal){"vLLM needs 7.0 (Volta) or later", "take nodes with newer GPUs", true};
	else if (platform >= 1300 && capability < 75)
		*r = (struct engine_refusal){arena_printf(a, "CUDA %d.%d in %s has no code for GPUs before "
			"7.5 (Turing)", platform / 100, platform % 100, wheel ? "that build" : "the image"), wheel
			? "install a build for CUDA 12.8 or older, such as vllm==0.10.2, or take newer GPUs"
			: "take an image with CUDA 12.8 or older, such as vllm/vllm-openai:v0.10.2, or newer GPUs",
			true};
	else if (platform >= 1209 && capability < 75)
		*r = (struct engine_refusal){"PyTorch's builds for CUDA 12.9 may have no code for GPUs before 7.5 "
			"(Turing)", wheel ? "install a build for CUDA 12.8 or older, such as vllm==0.10.2"
			: "take an image with CUDA 12.8 or older, such as vllm/vllm-openai:v0.10.2", false};
	else if (platform && platform < 1208 && capability >= 100)
		*r = (struct engine_refusal){arena_printf(a, "CUDA %d.%d in %s has no code for it; 12.8 has",
			platform / 100, platform % 100, wheel ? "that build" : "the image"), wheel
			? "install a build for CUDA 12.9 or 13.0, such as vllm==0.19.1"
			: "take vllm/vllm-openai:v0.19.1 (CUDA 12.9), or v0.20.0 or later (CUDA 13.0)", true};
	else if (platform && platform < 1209 && (capability == 103 || capability == 121 || capability == 110))
		*r = (struct engine_refusal){"the compiler of CUDA 12.8 in it does not know it", wheel
			? "install a build for CUDA 12.9 or 13.0, such as vllm==0.19.1"
			: "take vllm/vllm-openai:v0.19.1 (CUDA 12.9), or v0.20.0 or later (CUDA 13.0)", false};
	else if (capability < 80 && dtype && strcmp(dtype, "bfloat16") == 0)
		*r = (struct engine_refusal){"Bfloat16 is only supported on GPUs with compute capability of at "
			"least 8.0", "set engine.args: {dtype: float16}", true};
}

/* The first image for ARM was that of v0.10.2. */
const char *
vllm_image_lacks_arch(const char *image, const char *arch)
{
	if (strcmp(arch, "arm64") == 0 &&
	    engine_version_before(vllm_version_of_image(image, false), 0, 10, 1))
		return "vLLM's own images have one for ARM since v0.10.2: take that or a later one";
	return NULL;
}

const char *
vllm_image_for(const char *image)
{
	static const struct { const char *word, *maker; } words[] = {
		{"rocm", "amd"}, {"gaudi", "Intel Gaudi"}, {"habana", "Intel Gaudi"},
		{"hpu", "Intel Gaudi"}, {"xpu", "Intel"}, {"ascend", "Huawei Ascend"},
		{"npu", "Huawei Ascend"}, {"tpu", "Google TPU"}, {"neuron", "AWS Neuron"},
		{"nvidia", "nvidia"}, {"cuda", "nvidia"},
	};

	for (size_t i = 0; i < countof(words); i++)
		if (image_has(image, words[i].word))
			return words[i].maker;
	if (image_cuda(image) || engine_version_known(vllm_version_of_image(image, true)))
		return "nvidia";
	return NULL;
}

const char *
vllm_image_other(const char *image)
{
	static const struct { const char *word, *title; } others[] = {
		{"sglang", "SGLang"}, {"llama.cpp", "llama.cpp"}, {"llama-cpp", "llama.cpp"},
		{"tensorrt-llm", "TensorRT-LLM"}, {"trtllm", "TensorRT-LLM"}, {"tritonserver", "Triton"},
		{"text-generation-inference", "Text Generation Inference"},
		{"text-embeddings-inference", "Text Embeddings Inference"}, {"ollama", "Ollama"},
		{"lmdeploy", "LMDeploy"}, {"ktransformers", "KTransformers"}, {"localai", "LocalAI"},
	};

	for (size_t i = 0; i < countof(others) && !image_has(image, "vllm"); i++)
		if (image_has(image, others[i].word))
			return others[i].title;
	return NULL;
}

/* vLLM publishes an image for ROCm since v0.14.1; AMD's own came before. */
const char *
vllm_image_instead(struct arena *a, const char *image, const char *accelerator)
{
	struct engine_version v = vllm_version_of_image(image, true);
	bool known = engine_version_known(v);

	if (strcmp(accelerator, "amd") == 0)
		return !known || engine_version_before(v, 0, 14, 1)
			? "vllm/vllm-openai-rocm:v0.14.1 or later, or rocm/vllm"
			: arena_printf(a, "vllm/vllm-openai-rocm:v%d.%d.%d", v.major, v.minor, v.patch);
	return "vllm/vllm-openai";
}
