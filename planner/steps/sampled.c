/* Compares the samples of a file that the nodes' looks took. */
#include "planner/steps/sampled.h"

#include <string.h>

#include "planner/cluster/node.h"

/* The node's sample of the blob. Nodes tell them in one order, so most are where the last was. */
static const struct fact_sample *
sampled_find(const struct node *n, const char *blob, size_t hint)
{
	size_t all = node_observed(n) ? n->facts->sample.n : 0;

	for (size_t i = 0; i < all; i++) {
		const struct fact_sample *s = &n->facts->sample.v[(hint + i) % all];

		if (strcmp(s->blob, blob) == 0)
			return s;
	}
	return NULL;
}

/* How many nodes have the same, of those who have it ("-": that one does not). */
struct sampled_votes {
	size_t same, all;
};

static void
sampled_vote(struct sampled_votes *v, const char *own, const char *other)
{
	if (strcmp(own, "-") == 0 || strcmp(other, "-") == 0)
		return;
	v->all++;
	v->same += strcmp(own, other) == 0;
}

static bool
sampled_alone(const struct sampled_votes *v)
{
	return v->same < v->all && 2 * v->same <= v->all;
}

bool
sampled_doubt(const struct cluster *c, const struct node *n, const char *blob)
{
	const struct fact_sample *own = blob && !c->store_shared ? sampled_find(n, blob, 0) : NULL;
	size_t hint = own ? (size_t)(own - n->facts->sample.v) : 0;
	struct sampled_votes ends = {0}, middle = {0};

	for (size_t i = 0; own && i < c->nlayout; i++) {
		const struct fact_sample *other = sampled_find(&c->node[i], blob, hint);

		if (other) {
			sampled_vote(&ends, own->ends, other->ends);
			sampled_vote(&middle, own->middle, other->middle);
		}
	}
	return sampled_alone(&ends) || sampled_alone(&middle);
}
