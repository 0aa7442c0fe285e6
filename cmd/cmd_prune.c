/* Removes what dray put on the hosts and nothing needs any more. */
#include <string.h>

#include "cmd/observation.h"
#include "planner/base/bytes.h"
#include "planner/base/hash.h"
#include "planner/base/json.h"
#include "planner/cluster/decide.h"
#include "planner/steps/prune.h"

/* ---- what is shown ---- */

static void
prune_print_json(struct arena *a, const struct prune_item *item, const char *type)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:o, s:I, s:o}", "type", type, "@level",
			      item->kept ? "warn" : "info", "@module", "dray.ui", "@message",
			      json_shown(arena_printf(a, "%s: %s %s: %s", item->node->name, item->kind,
						      prune_name(a, item), item->why)),
			      "node", item->node->name, "kind", item->kind, "name", json_shown(item->name),
			      "bytes", (json_int_t)item->bytes, "why", json_shown(item->why));

	json_dumpf(o, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(o);
}

static int
prune_width(struct arena *a, const struct prune *p, bool names)
{
	size_t width = 4;

	for (size_t i = 0; i < p->item.n; i++) {
		const char *text = names ? prune_name(a, &p->item.v[i]) : p->item.v[i].node->name;
		size_t n = strlen(text);

		width = n > width ? n : width;
	}
	return (int)width;
}

static void
prune_print_text(struct arena *a, const struct prune *p, bool kept)
{
	int node = prune_width(a, p, false), name = prune_width(a, p, true);

	for (size_t i = 0; i < p->item.n; i++) {
		const struct prune_item *item = &p->item.v[i];
		struct str s = {0}, why = {0};

		if (item->kept != kept)
			continue;
		str_safe(&s, prune_name(a, item), strlen(prune_name(a, item)));
		str_safe(&why, item->why, strlen(item->why));
		printf("  %-*s  %-8s  %-*s  %9s  %s\n", node, item->node->name, item->kind, name, str_text(&s),
		       bytes_text(a, item->bytes), str_text(&why));
		str_release(&s);
		str_release(&why);
	}
}

static size_t
prune_count(const struct prune *p, bool kept, long long *bytes)
{
	size_t n = 0;

	*bytes = 0;
	for (size_t i = 0; i < p->item.n; i++) {
		if (p->item.v[i].kept != kept)
			continue;
		n++;
		*bytes += p->item.v[i].bytes;
	}
	return n;
}

/* A line of JSON with numbers, which is the sentence for people, too. */
static void
prune_print_sum(const struct cli *cli, const char *type, const char *text, size_t n, long long bytes,
		size_t kept)
{
	json_t *o;

	if (!cli->json) {
		printf("%s\n", text);
		return;
	}
	o = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "type", type, "@level", "info", "@module", "dray.ui",
		      "@message", text, "items", (json_int_t)n, "bytes", (json_int_t)bytes, "kept",
		      (json_int_t)kept);
	json_dumpf(o, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(o);
}

/* Returns how many can go. */
static size_t
prune_show(struct observation *l, const struct cli *cli, const struct prune *p)
{
	struct arena *a = &l->c.arena;
	const struct cluster *c = l->c.cluster;
	long long bytes, stay;
	size_t n = prune_count(p, false, &bytes), kept = prune_count(p, true, &stay);

	for (size_t i = 0; cli->json && i < p->item.n; i++)
		prune_print_json(a, &p->item.v[i], p->item.v[i].kept ? "prune_kept" : "prune_item");
	if (!cli->json && n) {
		puts("Not needed any more:\n");
		prune_print_text(a, p, false);
		putchar('\n');
	}
	if (!cli->json && kept) {
		puts("Kept, although the spec does not want it:\n");
		prune_print_text(a, p, true);
		putchar('\n');
	}
	prune_print_sum(cli, "prune_summary", n ? arena_printf(a, "Prune: %zu to remove, %s.", n, bytes_text(a, bytes))
			: "Nothing to prune.", n, bytes, kept);
	if (n && c->store_shared && c->hf_home && !cli->json)
		printf("'%s' is shared: dray knows the clusters on the nodes of this spec, and no others.\n", c->store);
	if (p->closed)
		fprintf(stderr, "warning: on %s there are records of other logins that cannot be read: weights and images "
			"that they may name are kept\n", p->closed->name);
	fflush(stdout);
	return n;
}

/* ---- the removal ---- */

static int
prune_report(struct observation *l, const struct cli *cli, const struct prune *p, const struct err *e)
{
	struct arena *a = &l->c.arena;
	long long bytes = 0;
	size_t gone = 0, not = 0;

	for (size_t i = 0; i < p->item.n; i++) {
		const struct prune_item *item = &p->item.v[i];

		if (item->gone && cli->json)
			prune_print_json(a, item, "prune_gone");
		gone += item->gone;
		bytes += item->gone ? item->bytes : 0;
		if (item->gone || !item->kept)
			continue;
		/* Its removal was approved, and it is still there. */
		not++;
		if (cli->json)
			prune_print_json(a, item, "prune_kept");
		else
			cli_error("%s: %s %s was not removed: %s", item->node->name, item->kind, prune_name(a, item),
				  item->why);
	}
	prune_print_sum(cli, "prune_complete", arena_printf(a, "Pruned: %zu removed, %s.", gone, bytes_text(a, bytes)),
			gone, bytes, not);
	if (e->text[0])
		cli_error("%s", e->text);
	return !not && !e->text[0] ? EXIT_DONE : gone ? EXIT_PARTIAL : EXIT_ERROR;
}

/* Only what was approved stays in the list: what was kept then is not to be removed now. */
static void
prune_drop_kept(struct prune *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->item.n; i++)
		if (!p->item.v[i].kept)
			p->item.v[n++] = p->item.v[i];
	p->item.n = n;
}

/* Point to the nodes of the second look. */
static void
prune_move(struct prune *p, const struct cluster *c)
{
	for (size_t i = 0; i < p->item.n; i++)
		p->item.v[i].node = cluster_node(c, p->item.v[i].node->name);
}

static bool
prune_all_answer(const struct observation *l)
{
	const struct cluster *c = l->c.cluster;

	for (size_t i = 0; i < c->nspec; i++)
		if (!c->node[i].facts || c->node[i].facts->state != FACTS_OK) {
			cli_error("node %s does not answer, and its records may name what others have; nothing was removed",
				  c->node[i].name);
			return false;
		}
	return true;
}

static int
prune_remove(struct observation *l, const struct cli *cli, struct prune *p)
{
	char id[HASH_HEX];
	struct err err = {0};
	bool held = false;
	int code;

	hash_random(id);
	id[16] = '\0';
	if (!run_lock(l->run, id, (long)cli->lock_timeout, &held, &err)) {
		cli_error("%s; nothing was removed", err.text);
		cli_hint(&err);
		return held ? EXIT_LOCKED : EXIT_ERROR;
	}
	code = observation_again(l);
	if (code != EXIT_DONE || !prune_all_answer(l))
		return EXIT_ERROR;
	prune_drop_kept(p);
	prune_move(p, l->c.cluster);
	run_prune(l->run, &l->c.arena, p, true, &err);
	return prune_report(l, cli, p, &err);
}

static int
prune_run(struct cli *cli)
{
	struct approval approval = {.command = "prune", .question = "Do you really want to remove all of this?"};
	struct prune p = {0};
	struct observation l;
	struct err err = {0};
	int code = observation_open(&l, cli);

	if (code == EXIT_DONE && (diag_print(&l.wrong, stderr, cli->color_err) > 0 || !prune_all_answer(&l)))
		code = EXIT_ERROR;
	if (code == EXIT_DONE && !run_prune(l.run, &l.c.arena, &p, false, &err))
		code = cli_error("%s", err.text);
	if (code == EXIT_DONE && prune_show(&l, cli, &p) > 0)
		code = approve(&l, cli, &approval) ? prune_remove(&l, cli, &p) : EXIT_ERROR;
	observation_close(&l);
	return code;
}

const struct command command_prune = {
	.name = "prune",
	.aka = "gc clean cleanup",
	.args = "",
	.summary = "remove images, weights and logs of earlier applies that nothing needs any more",
	.doc = "Looks on all nodes of the spec for what earlier applies of this cluster put there\n"
	       "and neither the spec nor a record needs now: commits and models in the storage,\n"
	       "unfinished downloads, images that dray pulled or loaded, archives and layers that\n"
	       "it sent, logs of steps that no longer exist. It shows each with its size, asks for\n"
	       "'yes', takes the lock of every node, looks again, and removes it. All nodes must\n"
	       "answer.\n"
	       "\n"
	       "It keeps what dray did not put there, what a record of any cluster on these nodes\n"
	       "names (of any login), what a container or process uses, and an image that also\n"
	       "has other names.",
	.options = (const struct option_spec *const[]){&option_file, &option_auto_approve, &option_json,
		&option_lock_timeout, &option_no_color, NULL},
	.run = prune_run,
};
