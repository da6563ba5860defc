// Lists of work to threads: one lock, two conditions; an item is taken under the lock.
#include "runtime/train/crew.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { MOST_THREADS = 256 };

struct ncr_crew {
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    pthread_t threads[MOST_THREADS];
    uint32_t n_threads; // without the caller
    void (*enter)(void);
    // the current list, under the lock
    void (*work)(void *context, uint32_t item, bool mine);
    void *context;
    uint32_t n, next, left; // items; first not taken; not finished
    bool quit;
};

// Works the list off. The lock is held on entry and on return.
static void work_off(struct ncr_crew *crew, bool mine)
{
    while (crew->next < crew->n) {
        uint32_t item = crew->next++;
        pthread_mutex_unlock(&crew->lock);
        crew->work(crew->context, item, mine);
        pthread_mutex_lock(&crew->lock);
        if (--crew->left == 0) pthread_cond_signal(&crew->done);
    }
}

static void *sit(void *of)
{
    struct ncr_crew *crew = of;
    if (crew->enter) crew->enter();
    pthread_mutex_lock(&crew->lock);
    while (!crew->quit) {
        work_off(crew, false);
        pthread_cond_wait(&crew->wake, &crew->lock);
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

struct ncr_crew *ncr_crew_new(uint32_t threads, void (*enter)(void))
{
    struct ncr_crew *crew = calloc(1, sizeof *crew);
    if (!crew) return NULL;
    crew->enter = enter;
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->wake, NULL);
    pthread_cond_init(&crew->done, NULL);
    // Signals stay with the threads that the caller knows.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (crew->n_threads + 1 < threads && crew->n_threads < MOST_THREADS)
        if (pthread_create(&crew->threads[crew->n_threads], NULL, sit, crew) == 0)
            crew->n_threads++;
        else
            break;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return crew;
}

void ncr_crew_free(struct ncr_crew *crew)
{
    if (!crew) return;
    pthread_mutex_lock(&crew->lock);
    crew->quit = true;
    pthread_cond_broadcast(&crew->wake);
    pthread_mutex_unlock(&crew->lock);
    for (uint32_t i = 0; i < crew->n_threads; i++)
        pthread_join(crew->threads[i], NULL);
    pthread_mutex_destroy(&crew->lock);
    pthread_cond_destroy(&crew->wake);
    pthread_cond_destroy(&crew->done);
    free(crew);
}

void ncr_crew_run(struct ncr_crew *crew, uint32_t n,
                  void (*work)(void *context, uint32_t item, bool mine), void *context)
{
    if (crew->n_threads == 0 || n < 2) {
        for (uint32_t i = 0; i < n; i++)
            work(context, i, true);
        return;
    }
    pthread_mutex_lock(&crew->lock);
    crew->work = work;
    crew->context = context;
    crew->n = crew->left = n;
    crew->next = 0;
    pthread_cond_broadcast(&crew->wake);
    work_off(crew, true);
    while (crew->left)
        pthread_cond_wait(&crew->done, &crew->lock);
    pthread_mutex_unlock(&crew->lock);
}
