/* What the name of an image of vLLM tells about what is in it. */
#include <ctype.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/engines/vllm/vllm.h"

/* Words of a name are between characters that are no letters and digits: "npu" is none of
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
