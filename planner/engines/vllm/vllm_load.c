/* vLLM's metrics: how busy the server is. The names are those of 0.17.1, 0.24.0 and 0.32.0. */
#include <stdlib.h>
#include <string.h>

#include "planner/engines/vllm/vllm.h"

/* Names without the prefix before the colon. With data parallel there is a line per engine;
 * they are added. */
static const struct {
	const char *name;
	size_t at;
} load_metrics[] = {
	{"vllm:num_requests_running", offsetof(struct engine_load, running)},
	{"vllm:num_requests_waiting", offsetof(struct engine_load, waiting)},
	{"vllm:kv_cache_usage_perc", offsetof(struct engine_load, kv)},
	{"vllm:generation_tokens_total", offsetof(struct engine_load, tokens)},
	{"vllm:generation_tokens_total", offsetof(struct engine_load, progress)},
	{"vllm:prompt_tokens_total", offsetof(struct engine_load, progress)},
	{"vllm:iteration_tokens_total_count", offsetof(struct engine_load, progress)},
};

/* "NAME{labels} VALUE" -> the value; false if the line has another name. */
static bool
load_value(const char *line, size_t n, const char *name, double *value)
{
	size_t len = strlen(name);
	char text[64];
	const char *space;
	char *end;

	if (n <= len || memcmp(line, name, len) != 0 || (line[len] != '{' && line[len] != ' '))
		return false;
	space = memrchr(line, ' ', n);
	if (!space || (size_t)(line + n - space) >= sizeof text)
		return false;
	memcpy(text, space + 1, (size_t)(line + n - space) - 1);
	text[line + n - space - 1] = '\0';
	*value = strtod(text, &end);
	return end != text && *value >= 0 && *value < 1e18;
}

void
vllm_load(const char *text, size_t n, struct engine_load *load)
{
	const char *end = text + n;

	*load = (struct engine_load){-1, -1, -1, -1, -1};
	for (const char *line = text; line < end;) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)((stop ? stop : end) - line);
		double value;

		for (size_t i = 0; i < sizeof load_metrics / sizeof *load_metrics; i++) {
			double *to = (double *)((char *)load + load_metrics[i].at);

			if (load_value(line, len, load_metrics[i].name, &value))
				*to = to == &load->kv ? (value > *to ? value : *to)
						      : (*to < 0 ? 0 : *to) + value;
		}
		line += len + 1;
	}
}
