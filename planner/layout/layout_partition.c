/* Layers of unequal stages: more of them where GPUs have more memory. */
#include <string.h>

#include "planner/layout/layout_fit.h"

enum { MAX_STAGES = 32 };

/* Room for the KV cache in sequences, so that stages compare; below 0, in bytes, if there is none. */
static double
partition_score(const struct layout_ask *ask, const struct layout_try *t, long long k)
{
	struct layout_stage s = layout_stage(ask, t, k);

	return s.room > 0 && s.sequences > 0 ? s.sequences : s.room;
}

/* In proportion to the memory of the stages, at least one layer each. */
static void
partition_start(const struct layout_ask *ask, const struct layout_try *t, long long *layers)
{
	double memory[MAX_STAGES], all = 0;
	long long left = ask->model->layers;

	for (long long k = 0; k < t->pipeline; k++)
		all += memory[k] = layout_stage(ask, t, k).memory;
	for (long long k = 0; k < t->pipeline; k++) {
		layers[k] = (long long)((double)ask->model->layers * memory[k] / all);
		layers[k] = layers[k] < 1 ? 1 : layers[k];
		left -= layers[k];
	}
	for (long long k = 0; left != 0; k = (k + 1) % t->pipeline)
		if (left > 0 || layers[k] > 1) {
			layers[k] += left > 0 ? 1 : -1;
			left += left > 0 ? -1 : 1;
		}
}

/* Moves one layer from the stage with the least room to the one with the most, as long as that
 * leaves the worst one with more. */
static void
partition_improve(const struct layout_ask *ask, const struct layout_try *t, long long *layers)
{
	for (long long moves = 0; moves < 2 * ask->model->layers; moves++) {
		long long worst = 0, best = 0;
		double least = 0, most = 0, now, then;

		for (long long k = 0; k < t->pipeline; k++) {
			double score = partition_score(ask, t, k);

			if (k == 0 || score < least) {
				least = score;
				worst = k;
			}
			if (k == 0 || score > most) {
				most = score;
				best = k;
			}
		}
		if (worst == best || layers[worst] == 1)
			return;
		layers[worst]--;
		layers[best]++;
		now = partition_score(ask, t, worst);
		then = partition_score(ask, t, best);
		if (now > least && then > least)
			continue;
		layers[worst]++;
		layers[best]--;
		return;
	}
}

bool
layout_partition(struct arena *a, const struct layout_ask *ask, struct layout_try *t)
{
	double over = 0;
	long long *layers;

	if (!ask->engine->partition_env || ask->partition || !ask->model->known || t->memory > 0)
		return false;
	if (t->pipeline < 2 || t->pipeline > MAX_STAGES || ask->model->layers < t->pipeline)
		return false;
	for (long long k = 0; k < t->pipeline; k++) {
		struct layout_stage s = layout_stage(ask, t, k);

		if (s.memory <= 0)
			return false;
		over += s.weights - s.memory;
	}
	/* No partition fits weights that are larger than all memory. */
	if (over > 0)
		return false;
	layers = ar_array(a, long long, (size_t)t->pipeline);
	partition_start(ask, t, layers);
	t->partition = layers;
	partition_improve(ask, t, layers);
	return true;
}

const char *
layout_partition_text(struct arena *a, const struct layout_try *t)
{
	const char *list = "";

	for (long long k = 0; t->partition && k < t->pipeline; k++)
		list = arena_printf(a, "%s%s%lld", list, k ? "," : "", t->partition[k]);
	return t->partition ? list : NULL;
}

const char *
layout_weights_text(struct arena *a, const struct layout_ask *ask, const struct layout_try *t)
{
	static const double GIB = 1024.0 * 1024 * 1024;
	double weights[4] = {0}, memory[4] = {0};
	const char *text = "";
	size_t n = 0, i;

	/* The fullest GPU of each size. */
	for (long long k = 0; k < t->pipeline && t->memory <= 0 && ask->model->known; k++) {
		struct layout_stage s = layout_stage(ask, t, k);

		for (i = 0; i < n && (memory[i] < s.memory || memory[i] > s.memory);)
			i++;
		if (i == 4)
			continue;
		n = i == n ? n + 1 : n;
		memory[i] = s.memory;
		weights[i] = s.weights > weights[i] ? s.weights : weights[i];
	}
	for (i = 0; i < n; i++)
		text = arena_printf(a, "%s%s%.1f of %.1f", text, i == 0 ? "" : i + 1 < n ? ", " : " and ",
				    weights[i] / GIB, memory[i] / GIB);
	if (n)
		return text;
	return arena_printf(a, "%.1f of %.1f", t->weights / GIB,
			    layout_stage(ask, t, t->worst).memory / GIB);
}
