/* Sends a file of this machine to a node, in blocks. Blocks that are there are not sent again. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors/run/run_act.h"
#include "planner/cluster/cluster.h"

enum {
	UPLOAD_BLOCK = 4 << 20,         /* bytes of one request, a multiple of the 1 MiB of image-put.sh */
	UPLOAD_TELL_MS = 2000,          /* between two lines of progress */
};

struct upload {
	struct act *act;
	const struct step_task *st;
	int fd;
	struct stat then;               /* of the file: it must not change while it is sent */
	long long at;                   /* bytes that are on the node */
	long long began, told, first;
	struct arena arena;             /* of the task for the present block */
	char *block;
};

void
upload_stop(struct act *act)
{
	struct upload *up = act->upload;

	if (!up)
		return;
	if (up->fd >= 0)
		close(up->fd);
	free(up->block);
	arena_release(&up->arena);
	act->upload = NULL;
}

static void
upload_fail(struct upload *up, const char *why)
{
	struct act *act = up->act;

	upload_stop(act);
	act_fail_because(act, why);
}

static void
upload_tell(struct upload *up)
{
	const struct run *r = up->act->apply->run;
	double seconds = (double)(loop_clock() - up->began) / 1000;

	if (!r->view.progress || loop_clock() - up->told < UPLOAD_TELL_MS)
		return;
	up->told = loop_clock();
	r->view.progress(r->view.arg, up->act->job,
			 arena_printf(&up->arena, "%.1f of %.1f GB sent from here, %.2f GB/s", (double)up->at / 1e9,
				      (double)up->then.st_size / 1e9,
				      seconds > 0 ? (double)(up->at - up->first) / 1e9 / seconds : 0));
}

static void upload_send(struct upload *);

/* Did the node do what it was asked? If not, the upload has ended. */
static bool
upload_is_done(struct ask *ask)
{
	struct act *act = ask->owner;
	const struct result *r = &ask->request.result;

	act->ask = NULL;
	if (act->cancelled) {
		upload_fail(act->upload, "interrupted");
	} else if (!r->ran || r->status != 0) {
		upload_stop(act);
		act_not_done(act, ask);
	} else {
		return true;
	}
	return false;
}

static void
upload_on_written(struct ask *ask)
{
	struct act *act = ask->owner;

	if (!upload_is_done(ask))
		return;
	upload_tell(act->upload);
	upload_send(act->upload);
}

/* One more block, or the end. */
static void
upload_send(struct upload *up)
{
	struct act *act = up->act;
	struct task t = up->st->task;
	struct stat now;
	ssize_t n;

	if (up->at == up->then.st_size) {
		struct result none = {0};

		upload_stop(act);
		act_task_done(act, &none);
		return;
	}
	n = pread(up->fd, up->block, UPLOAD_BLOCK, (off_t)up->at);
	if (n <= 0 || fstat(up->fd, &now) < 0 || now.st_size != up->then.st_size ||
	    now.st_mtime != up->then.st_mtime) {
		upload_fail(up, n < 0 ? arena_printf(act->apply->arena, "cannot read '%s': %s", t.url, strerror(errno))
				      : arena_printf(act->apply->arena, "'%s' was changed while it was sent", t.url));
		return;
	}
	arena_release(&up->arena);
	t.type = TASK_SCRIPT;
	task_arg(&up->arena, &t, "act", "write");
	task_arg_int(&up->arena, &t, "size", up->at);
	t.input = up->block;
	t.ninput = (size_t)n;
	up->at += n;
	act->ask = run_ask(act->apply->run, run_host(act->apply->run, up->st->node), &t, upload_on_written, act);
}

static void
upload_on_need(struct ask *ask)
{
	struct act *act = ask->owner;
	struct upload *up = act->upload;

	if (!upload_is_done(ask))
		return;
	up->at = strtoll(str_text(&ask->request.result.out), NULL, 10);
	if (up->at < 0 || up->at > up->then.st_size) {
		upload_fail(up, "the node's answer cannot be understood");
		return;
	}
	up->first = up->at;
	up->began = up->told = loop_clock();
	upload_send(up);
}

void
upload_act(struct act *act)
{
	struct upload *up = ar_new(act->apply->arena, struct upload);
	const struct step_task *st = &act->tasks.v[act->at];
	struct task t = st->task;

	upload_stop(act);
	*up = (struct upload){.act = act, .st = st, .fd = open(t.url, O_RDONLY | O_CLOEXEC)};
	act->upload = up;
	if (up->fd < 0 || fstat(up->fd, &up->then) < 0) {
		upload_fail(up, arena_printf(act->apply->arena, "cannot read '%s': %s", t.url, strerror(errno)));
		return;
	}
	up->block = malloc(UPLOAD_BLOCK);
	if (!up->block)
		abort();
	t.type = TASK_SCRIPT;
	task_arg(act->apply->arena, &t, "act", "need");
	task_arg_int(act->apply->arena, &t, "all", (long long)up->then.st_size);
	act->ask = run_ask(act->apply->run, run_host(act->apply->run, st->node), &t, upload_on_need, act);
}
