/*
 * A copy through this machine, for nodes that cannot reach each other: it reads a few blocks from the
 * node that gives and writes them on the node that takes.
 */
#include "executors/run/run_spread.h"
#include "planner/cluster/cluster.h"

/* The blocks of one request. */
enum { BLOCKS = 4 };

static void relay_read(void *);

static void
relay_on_written(struct ask *ask)
{
	struct spread *sp = spread_answered(ask);

	if (!sp)
		return;
	relay_read(sp);
}

static void
relay_tell(struct spread *sp)
{
	double seconds = (double)(loop_clock() - sp->began) / 1000, unit = sp->all >= 1000000000 ? 1e9 : 1e6;
	const char *name = sp->all >= 1000000000 ? "GB" : "MB";

	if (loop_clock() - sp->told < TELL_MS)
		return;
	sp->told = loop_clock();
	spread_say(sp, arena_printf(&sp->block_arena, "%.1f of %.1f %s from %s, through this machine, %.2f %s/s",
				    (double)sp->sum / unit, (double)sp->all / unit, name, sp->from->name,
				    seconds > 0 ? (double)sp->came / unit / seconds : 0, name));
}

static const char *
relay_line(struct spread *sp, const struct spread_file *f)
{
	const struct manifest_file *file = &sp->list->v[f->number - 1];

	return arena_printf(&sp->block_arena, "%lld\t%s\t%s", file->size, file->blob ? file->blob : "-",
			    file->path);
}

static void
relay_on_read(struct ask *ask)
{
	struct act *act = ask->owner;
	struct spread *sp = act->spread;
	struct result *r = &ask->request.result;
	struct arena *a = &sp->block_arena;
	struct spread_file *f = &sp->file.v[sp->at];
	long long n = (long long)r->out.len, rest = f->size - sp->block * BLOCK;
	struct task t;

	act->ask = NULL;
	if (spread_interrupted(sp))
		return;
	/* Only the last block of a file may be shorter. */
	if (!r->ran || r->status != 0 || r->out.cut || n > rest || (n % BLOCK && n != rest)) {
		sp->left = true;
		spread_pick(sp);
		return;
	}
	if (!n) {
		sp->timer = loop_after(act->apply->run->loop, LOOK_MS, relay_read, sp);
		return;
	}
	sp->way->take(a, act->step, spread_to(sp), sp->list, "write", &t);
	task_arg_int(a, &t, "block", sp->block);
	task_arg(a, &t, "line", relay_line(sp, f));
	str_release(&sp->bytes);
	sp->bytes = r->out;
	r->out = (struct str){0};
	t.input = sp->bytes.buf;
	t.ninput = sp->bytes.len;
	sp->sum += n;
	sp->came += n;
	sp->block += (n + BLOCK - 1) / BLOCK;
	relay_tell(sp);
	spread_ask_taker(sp, NULL, relay_on_written, &t);
}

/* Ask for the next blocks, or end. */
static void
relay_read(void *arg)
{
	struct spread *sp = arg;
	struct arena *a = &sp->block_arena;
	struct task t;

	sp->timer = 0;
	if (spread_interrupted(sp))
		return;
	while (sp->at < sp->file.n && sp->block * BLOCK >= sp->file.v[sp->at].size) {
		sp->at++;
		sp->block = sp->at < sp->file.n ? sp->file.v[sp->at].block : 0;
	}
	if (sp->at == sp->file.n) {
		spread_finish(sp);
		return;
	}
	if (!spread_can_give(sp, sp->from)) {
		sp->left = true;
		spread_pick(sp);
		return;
	}
	arena_release(a);
	sp->way->give(a, sp->act->step, sp->from, sp->list, "read", &t);
	task_arg_int(a, &t, "index", sp->file.v[sp->at].number);
	task_arg_int(a, &t, "block", sp->block);
	task_arg_int(a, &t, "count", BLOCKS);
	sp->act->ask = run_ask(sp->act->apply->run, spread_host(sp, sp->from), &t, relay_on_read, sp->act);
	sp->act->ask->raw = true;       /* bytes, not text */
}

void
spread_relay(struct spread *sp)
{
	spread_close(sp);
	if (!sp->relays) {
		sp->relays = true;
		sp->began = loop_clock();
		sp->at = 0;
		sp->block = sp->file.v[0].block;
	}
	relay_read(sp);
}
