"""The samplers: which values a trial gets where the plan leaves them open."""

from optuna.samplers import (
    BaseSampler,
    GPSampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)

from foldwise.seeds import derive_seed
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.quiet import experiments_expected

# Of NSGA-II: a search of tens of trials would end within a first generation of Optuna's 50.
_LEAST_POPULATION, _MOST_POPULATION, _GENERATIONS = 4, 50, 5


def build_sampler(config: SearchConfig, worker: int, num_trials: int) -> BaseSampler:
    """Return the sampler of one worker for its next trial.

    Args:
        config: The search.
        worker: The number of the worker; two workers that know the same trials draw differently.
        num_trials: Trials so far: a search that is started again does not draw the same again.
    """
    seed = sampler_seed(config.seed, "sampler", worker, num_trials)
    with experiments_expected():
        match config.sampler:
            case "tpe":
                # Conditional parameters are modelled with those that they exist with (group), and
                # trials that still run count as bad, so that workers spread (constant_liar).
                return TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)
            case "gp":
                return GPSampler(seed=seed, warn_independent_sampling=False)
            case "nsga2":
                population = config.n_trials // _GENERATIONS
                population = min(max(population, _LEAST_POPULATION), _MOST_POPULATION)
                return NSGAIISampler(seed=seed, population_size=population)
    return RandomSampler(seed=seed)  # all is planned


def planning_sampler(config: SearchConfig) -> BaseSampler:
    """Return the sampler that draws all points of a random or a QMC plan."""
    seed = sampler_seed(config.seed, "plan")
    if config.sampler == "random":
        return RandomSampler(seed=seed)
    # Scrambled: the first point of the plain sequence has the lowest value of everything.
    # Owen, Scrambling Sobol' and Niederreiter-Xing points, Journal of Complexity 14 (1998).
    with experiments_expected():
        return QMCSampler(
            seed=seed, scramble=True, warn_independent_sampling=False, qmc_type="sobol"
        )


def sampler_seed(seed: int, *purpose: int | str) -> int:
    """Return a seed of the 32 bits that Optuna's generators take."""
    return derive_seed(seed, *purpose) % 2**32
