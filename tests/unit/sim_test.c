/*
 * The properties that make plan and apply trustworthy, over many seeds, with the real
 * kinds on machines in memory (sim_world.h):
 *	P1  apply, then plan: nothing left; a plan twice: the same bytes
 *	P2  the power goes out after any act, then apply: the same end, no second copy
 *	P3  from anything to S is the same end as from nothing to S
 *	P4  one at a time or many at once, and in which order a map is written: the same
 *	P5  only what the plan showed is done
 *	P6  what is not ours is never touched
 *	P10 a silent node never gives "No changes"
 */
#include "planner/cluster/members.h"
#include "planner/custom/compile.h"
#include "planner/plan/plan.h"
#include "tests/unit/seeds.h"
#include "tests/unit/sim_world.h"

/* The variable parts of a spec. */
struct wish {
	unsigned nodes[MACHINES], nnode;        /* machines, the head first */
	unsigned layout;                        /* how many of them the engine uses */
	unsigned image, commit, arg, env, prompt, order, mp;
};

struct observation {
	struct arena arena;
	struct source src;
	struct cluster *cluster;
	struct plan *plan;
	struct diags problems;
	char *text;
};

/* One node of the spec before stays somewhere: nobody can know machines that no node of the
 * spec ever heard of. */
static struct wish
make_wish(struct world *w, const struct wish *before)
{
	struct wish wish = {.nnode = 1 + dice(w, 4), .image = dice(w, 2), .commit = dice(w, 3),
		.arg = dice(w, 3), .env = dice(w, 2), .prompt = dice(w, 2), .mp = dice(w, 2)};
	unsigned all[MACHINES];

	for (unsigned i = 0; i < MACHINES; i++)
		all[i] = i;
	for (unsigned i = 0; i < wish.nnode; i++) {
		unsigned k = i + dice(w, MACHINES - i), swap = all[i];

		wish.nodes[i] = all[k];
		all[k] = swap;
		all[i] = wish.nodes[i];
	}
	if (before) {
		unsigned stays = before->nodes[dice(w, before->nnode)], at = dice(w, wish.nnode);
		bool there = false;

		for (unsigned i = 0; i < wish.nnode; i++)
			there = there || wish.nodes[i] == stays;
		if (!there)
			wish.nodes[at] = stays;
	}
	wish.layout = 1 + dice(w, wish.nnode);
	return wish;
}

static const char *
spec_text(struct arena *a, const struct wish *wish)
{
	struct str s = {0};
	const char *copy;

	str_puts(&s, "cluster: sim\nshared_dir: /srv\nnodes:\n");
	for (unsigned i = 0; i < wish->nnode; i++)
		str_printf(&s, "  - {name: n%u, host: 192.0.2.%u, gpus: 1}\n", wish->nodes[i],
			   wish->nodes[i] + 1);
	str_printf(&s, "parallelism: {tensor: 1, pipeline: %u}\nmodel: {repo: a/b}\n", wish->layout);
	str_printf(&s, "probe: {prompt: say %u}\nengine:\n  backend: %s\n  image: vllm:v0.%u\n",
		   wish->prompt, wish->mp ? "mp" : "ray", wish->image);
	str_printf(&s, wish->order ? "  env: {ZONE: a, AREA: %u}\n" : "  env: {AREA: %u, ZONE: a}\n",
		   wish->env);
	str_printf(&s, wish->order ? "  args: {seed: 1, max-model-len: %u}\n"
				   : "  args: {max-model-len: %u, seed: 1}\n", 1000 + wish->arg);
	copy = arena_strdup(a, str_text(&s));
	str_release(&s);
	return copy;
}

static char *
text_of(const struct plan *plan)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	plan_text(plan, f, false, false);
	fclose(f);
	return text;
}

static void
look(struct observation *l, struct world *w, const struct wish *wish, const struct plan_options *options)
{
	struct arena *a = &l->arena;
	struct diags d = {.arena = a};
	struct spec *spec;

	memset(l, 0, sizeof *l);
	l->problems.arena = a;
	l->src = (struct source){.name = "sim.yaml", .text = spec_text(a, wish)};
	l->src.len = strlen(l->src.text);
	spec = spec_read(a, &l->src, NULL, &d);
	if (d.nerror)
		diag_print(&d, stderr, false);
	assert_non_null(spec);
	assert_int_equal(d.nerror, 0);
	l->cluster = cluster_compile(a, spec, &d);
	l->cluster->commit = arena_printf(a, "%040u", wish->commit);
	l->cluster->manifest = ar_new(a, struct manifest);
	l->cluster->manifest->v = ar_array(a, struct manifest_file, 2);
	l->cluster->manifest->v[0] = (struct manifest_file){"config.json", 10, "b1"};
	l->cluster->manifest->v[1] = (struct manifest_file){"w.safetensors", 20, "b2"};
	l->cluster->manifest->n = 2;
	l->cluster->manifest->bytes = 30;
	observe_all(a, w, l->cluster);
	l->plan = plan_make(a, graph_build(a, l->cluster, &l->problems),
			    options ? options : &(struct plan_options){0}, &d);
	assert_non_null(l->plan);
	l->text = text_of(l->plan);
}

static void
look_release(struct observation *l)
{
	free(l->text);
	arena_release(&l->arena);
}

static bool
is_ok(const struct observation *l)
{
	for (size_t i = 0; i < l->problems.n; i++)
		if (l->problems.v[i].severity == DIAG_ERROR)
			return false;
	return !l->plan->nunknown && !l->plan->nconflict;
}

/* One job as the run half does it: intent, act, done, each an act of its own. False: the
 * power is off. */
static bool
carry_out(struct arena *a, struct world *w, struct job *job, bool *ok)
{
	struct step *s = job->op->step;
	struct machine *m = machine_of(w, s->node);

	assert_true(op_acts(job->op));          /* P5 */
	*ok = true;
	if (job->op->record_only) {
		if (!act(w))
			return false;
		write_note(m, s->addr, record_write(a, record_of(a, s, "done", "1", "now")));
		return true;
	}
	if (job->down) {
		if (!act(w))
			return false;
		down(a, w, s);
		if (!act(w))
			return false;
		write_note(m, s->addr, NULL);
		s->observed = (struct observed){.state = STATE_ABSENT};
		return true;
	}
	if (!act(w))
		return false;
	write_note(m, s->addr, record_write(a, record_of(a, s, "intent", "1", "now")));
	if (!act(w))
		return false;
	*ok = up(a, w, s);
	if (!*ok)
		return true;
	if (!act(w))
		return false;
	write_note(m, s->addr, record_write(a, record_of(a, s, "done", "1", "now")));
	return true;
}

static void
end_apply(struct observation *l, struct world *w)
{
	for (size_t i = 0; i < l->cluster->nnode; i++)
		l->cluster->node[i].forget = !l->cluster->node[i].spec;
	for (size_t i = 0; i < l->cluster->nnode; i++) {
		struct machine *m = machine_of(w, &l->cluster->node[i]);

		if (l->cluster->node[i].spec) {
			replace_text(&m->members, members_write(&l->arena, l->cluster, "1"));
			continue;
		}
		replace_text(&m->members, NULL);
		for (size_t k = 0; k < RECORDS; k++)
			if (m->note[k].step)
				write_note(m, m->note[k].step, NULL);
	}
}

/* Members first, as the run half does it: an apply that dies in the middle has written who
 * belongs to the cluster. True if everything succeeded to the end. */
static bool
apply(struct observation *l, struct world *w, size_t parallel)
{
	struct sched *s = sched_new(&l->arena, l->plan, parallel, 2);
	struct job *running[64], *job;
	size_t n = 0;
	bool ok, all = true;

	w->round++;
	for (size_t i = 0; i < l->cluster->nnode; i++)
		if (plan_nops(l->plan) && act(w))
			replace_text(&machine_of(w, &l->cluster->node[i])->members,
				     members_write(&l->arena, l->cluster, "1"));
	while (!sched_finished(s)) {
		while (n < 64 && (job = sched_next(s)))
			running[n++] = job;
		assert_true(n > 0);
		size_t k = dice(w, (unsigned)n);

		job = running[k];
		running[k] = running[--n];
		if (!carry_out(&l->arena, w, job, &ok))
			return false;
		all = all && ok;
		sched_done(s, job, ok);
	}
	for (size_t i = 0; i < s->n; i++)
		all = all && s->v[i].outcome == OUT_OK;
	if (all && plan_nops(l->plan))
		end_apply(l, w);
	return all;
}

/* Every worker has joined the head that runs, and serve runs on exactly these. */
static void
check_joined(struct world *w, const struct observation *l)
{
	if (l->cluster->shape == SHAPE_RANKS) {
		check_ranks(w, l->cluster);
		return;
	}

	struct machine *head = machine_of(w, &l->cluster->node[0]);
	struct box *h = box_of(head, "dray-sim-head");

	assert_non_null(h);
	assert_true(h->runs && head->serve.runs && head->serve.container == h->id);
	for (size_t i = 1; i < l->cluster->nlayout; i++) {
		struct machine *m = machine_of(w, &l->cluster->node[i]);
		struct box *b = box_of(m, "dray-sim-worker");

		assert_non_null(b);
		assert_true(b->runs && b->head == h->id);
		assert_int_equal(head->serve.observed[m - w->m], b->id);
	}
}

/* Plan and apply to the end; then nothing is left to do (P1). */
static void
converge(struct world *w, const struct wish *wish, size_t parallel)
{
	struct observation l, again;

	look(&l, w, wish, NULL);
	assert_true(is_ok(&l));
	for (size_t i = 0; i < l.plan->n; i++)
		assert_true(l.plan->v[i].action == ACT_NONE || l.plan->v[i].cause);
	if (!apply(&l, w, parallel))
		fail_msg("apply failed:\n%s\n%s", l.src.text, l.text);
	check_joined(w, &l);
	look(&again, w, wish, NULL);
	if (plan_nops(again.plan))
		fail_msg("not empty after apply:\n%s\nfirst plan:\n%s", again.text, l.text);
	assert_non_null(strstr(again.text, "No changes."));
	look_release(&again);
	look_release(&l);
}

/* Somebody changed something there. */
static void
meddle(struct world *w)
{
	struct machine *m = &w->m[dice(w, MACHINES)];
	struct box *b = &m->box[dice(w, CONTAINERS)];

	switch (dice(w, 5)) {
	case 0:
		if (b->name)
			remove_box(m, b);
		break;
	case 1:
		if (b->name)
			stop_box(m, b);
		break;
	case 2:
		for (size_t i = 0; i < CONTAINERS; i++)
			stop_box(m, &m->box[i]);
		m->boot++;
		break;
	case 3:
		m->serve.runs = false;
		break;
	default:
		m = &w->m[dice(w, MACHINES)];
		for (size_t i = 0; i < RECORDS; i++)
			if (m->note[i].step && dice(w, 4) == 0)
				write_note(m, m->note[i].step, NULL);
	}
}

static void
test_histories(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= seeds(150); seed++) {
		struct world w = {.seed = seed, .crash = -1}, fresh = {.seed = seed, .crash = -1};
		struct wish wish = {0};
		char *end, *other;

		for (int round = 0; round < 4; round++) {
			wish = make_wish(&w, round ? &wish : NULL);
			converge(&w, &wish, dice(&w, 2) ? 1 : 64);
			for (unsigned i = dice(&w, 3); i; i--)
				meddle(&w);
			converge(&w, &wish, 64);
		}
		converge(&fresh, &wish, 1);             /* P3, P4 */
		end = end_state(&w);
		other = end_state(&fresh);
		assert_string_equal(end, other);
		free(end);
		free(other);
		world_release(&w);
		world_release(&fresh);
	}
}

static void
test_crashes(void **state)
{
	size_t crashes = 0, awaited = 0;

	(void)state;
	for (unsigned seed = 1; seed <= seeds(12); seed++) {
		bool through = false;

		for (long k = 0; !through; k++) {
			struct world w = {.seed = seed, .crash = -1}, idle = {.seed = seed, .crash = -1};
			struct wish first = make_wish(&w, NULL), second = make_wish(&w, &first);
			struct observation l;
			char *end, *other;

			converge(&w, &first, 1);
			w.acts = 0;
			w.crash = k;
			look(&l, &w, &second, NULL);
			through = apply(&l, &w, 1 + seed % 3);
			crashes += !through;
			look_release(&l);
			w.crash = -1;
			look(&l, &w, &second, NULL);
			for (size_t i = 0; i < l.plan->n; i++)
				awaited += l.plan->v[i].awaits;
			look_release(&l);
			converge(&w, &second, 64);
			converge(&idle, &second, 64);
			end = end_state(&w);
			other = end_state(&idle);
			assert_string_equal(end, other);
			free(end);
			free(other);
			world_release(&w);
			world_release(&idle);
		}
	}
	assert_true(crashes > 16 * seeds(12));
	assert_true(awaited >= seeds(12));
}

static void
test_same_bytes(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= seeds(60); seed++) {
		struct world w = {.seed = seed, .crash = -1};
		struct wish wish = make_wish(&w, NULL), other;
		struct observation one, two;

		if (seed % 2)
			converge(&w, &wish, 64);
		meddle(&w);
		other = wish = make_wish(&w, NULL);
		other.order = 1;
		look(&one, &w, &wish, NULL);
		look(&two, &w, &other, NULL);
		assert_string_equal(one.text, two.text);
		look_release(&one);
		look_release(&two);
		world_release(&w);
	}
}

/* Decoys: a container of another cluster under our name on one machine is a conflict; one
 * with another name is ignored. */
static void
test_foreign(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= seeds(60); seed++) {
		struct world w = {.seed = seed, .crash = -1};
		struct wish wish = make_wish(&w, NULL);
		struct machine *m = &w.m[wish.nodes[0]];
		struct observation l;
		bool ours = seed % 2;
		const char *name = wish.mp ? "dray-sim-rank" : "dray-sim-head";

		*free_box(m) = (struct box){.name = xstrdup(ours ? name : "their-head"),
			.step = xstrdup("head[n0]"), .inputs = xstrdup("{}"),
			.image = xstrdup("x"), .cluster = xstrdup(ours ? "" : "other"),
			.id = 9999, .runs = true};
		if (!ours)
			converge(&w, &wish, 64);
		look(&l, &w, &wish, NULL);
		assert_int_equal(l.plan->nconflict, ours);
		assert_int_equal(strstr(l.text, "No changes") == NULL, ours);
		look_release(&l);
		look(&l, &w, &wish, &(struct plan_options){.destroy = true, .purge = true});
		assert_true(apply(&l, &w, 64));
		assert_non_null(box_of(m, ours ? name : "their-head"));
		look_release(&l);
		world_release(&w);
	}
}

static void
test_silent(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= seeds(60); seed++) {
		struct world w = {.seed = seed, .crash = -1};
		struct wish wish = make_wish(&w, NULL);
		struct observation l;

		converge(&w, &wish, 64);
		w.m[wish.nodes[dice(&w, wish.nnode)]].silent = true;
		look(&l, &w, &wish, NULL);
		assert_null(strstr(l.text, "No changes"));
		assert_non_null(strstr(l.text, "is unreachable: connect: timed out"));
		assert_int_equal(plan_nops(l.plan), 0);
		look_release(&l);
		world_release(&w);
	}
}

static void
test_destroy(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= seeds(60); seed++) {
		struct world w = {.seed = seed, .crash = -1};
		struct wish wish = make_wish(&w, NULL);
		struct observation l;

		converge(&w, &wish, 64);
		meddle(&w);
		look(&l, &w, &wish, &(struct plan_options){.destroy = true});
		assert_true(apply(&l, &w, 1 + seed % 8));
		for (size_t i = 0; i < MACHINES; i++) {
			for (size_t k = 0; k < CONTAINERS; k++)
				assert_null(w.m[i].box[k].name);
			assert_false(w.m[i].serve.runs);
		}
		look_release(&l);
		world_release(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histories), cmocka_unit_test(test_crashes),
		cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_silent), cmocka_unit_test(test_destroy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
