"""Methods that only read what they are called on, whoever's they are.

The names are those that tables, arrays, texts, paths, dates, expressions, graphs, fitted models and distributions have
for what gives something new, and that nobody gives to what changes its owner. Of a method of another name, of an
object that nothing is known of, it has to be thought that it does: `status = problem.solve()`.
"""

from __future__ import annotations

from agilab.notebooks.flow import knowledge as known
from agilab.notebooks.flow.states import in_order, words

_BEGIN = in_order(
    """
    get to_ is_ as_ has_ from_ find iter predict score show print plot describe summar save export
    check validate list_ count_ num_ n_ select_ inverse_ kneighbors compare evaluate draw_ isn isi
    isd isa isl isu issub issup isspace issparse
    """
)
_NAMES = words(
    """
    __contains__ __iter__ __len__ __repr__ __str__ abs absolute add_prefix add_suffix adjacency
    adjoint adjusted agg aggregate alias align all and_ antiderivative any apart apply
    approx_n_unique approx_quantile arccos arccosh arcsin arcsinh arctan arctanh area arg_max
    arg_min arg_sort arg_true arg_unique argmax argmin argpartition argsort asfreq asof asof_locs
    assign assign_attrs assign_coords astimezone astype at_time autocorr backward_fill between
    between_time bfill bin_intervals bin_quantiles bin_ranks bit_count bit_length bitwise_and
    bitwise_count_ones bitwise_count_zeros bitwise_leading_ones bitwise_leading_zeros bitwise_or
    bitwise_trailing_ones bitwise_trailing_zeros bitwise_xor bottom_k bottom_k_by boundary boxplot
    broadcast_equals broadcast_like bse buffer capitalize case_when casefold cast cat cbrt cdf ceil
    center centroid check_for_ordered children chunk chunk_lengths clip clone coarsen coeff collect
    collect_schema combine combine_first compare compress compute conf_int conj conjugate contains
    convert convert_calendar convert_dtypes convex_hull copy corr corrwith cos cosh cot count cov
    cov_params cpu crop crosses cum_count cum_max cum_min cum_prod cum_sum cumcount cummax cummin
    cumprod cumsum cumulative cumulative_eval cumulative_integrate cut date day_name decision_path
    decode degree degrees deriv derivative detach diagonal diff difference differentiate digest dim
    dimensionality distance div divide divmod doit done dot draw_networkx drop drop_attrs drop_dims
    drop_duplicates drop_indexes drop_isel drop_nans drop_nulls drop_sel drop_vars droplevel dropna
    dst dt dummy_eq duplicated edge_subgraph edges elements encode end endswith entropy eq
    eq_missing equals erf erfc estimated_size evalf evaluate ewm ewm_mean ewm_mean_by ewm_std
    ewm_sum ewm_sum_by ewm_var exclude exists exp expand expand_dims expanding expandtabs expanduser
    expect explain explode extract_additively extract_branch_factor extract_multiplicatively
    extractall f_test factor factorize ffill fileno fill_nan fill_null fillna filter filter_by_attrs
    find findall finditer first first_valid_index fittedvalues flat flatten floor floordiv forecast
    format format_map forward_fill fourier_series fullmatch gather gather_every ge getbbox getdata
    getextrema getnnz getpixel getvalue glimpse glob group group_by group_by_dynamic groupby
    groupby_bins groupdict groups gt hash hash_rows having head hex hexdigest histogram hstack
    identical idxmax idxmin implode index index_of indexer_at_time indexer_between_time
    infer_objects inspect interp interp_calendar interp_like interpolate interpolate_by
    interpolate_na intersection intersects interval inverse_transform invert is_alive isatty isf
    issparse item items iter_columns iter_rows iter_slices iterdir iterrows itertuples join
    join_asof join_where joinpath json keys kneighbors kurt kurtosis lambdify last last_valid_index
    lazy le len limit limit_denominator list ljust log log10 log1p logb logcdf logical_and
    logical_invert logical_or logical_xor logpdf lower lstrip lt m_as magnitude map map_batches
    map_blocks map_columns map_elements map_groups map_rows mask match match_to_schema matches max
    max_by max_horizontal max_mag mean mean_horizontal median melt memory_usage merge merge_sorted
    min min_by min_horizontal min_mag mod mode modules moment month_name most_common mul multiply
    name named_parameters nan_max nan_min nbunch_iter ne ne_missing nearest neg neighbors
    new_from_index ngroup nlargest nnz nodes nonzero normalize not_ notna notnull now nsmallest
    null_count number_of_edges number_of_nodes numpy nunique ohlc or_ over overlaps pad parameters
    params partition_by pct_change pdf peak_max peak_min persist pipe pipe_with_dtype
    pipe_with_schema pivot pivot_table polyfit pow ppf predecessors prod product qcut quantile
    quantize query radd radians radius_neighbors raise_for_status rank ravel rdiv rdivmod read_bytes
    read_text readable readlink rechunk reduce reindex reindex_like reinterpret relative_to
    remainder_near removeprefix removesuffix rename rename_axis rename_categories rename_dims
    rename_vars reorder_categories reorder_levels repeat repeat_by replace replace_strict resample
    reset_coords reset_index reshape resid resolve result rfind rfloordiv rglob rindex rjust rle
    rle_id rmod rmul roll rolling rolling_exp rolling_kurtosis rolling_map rolling_max
    rolling_max_by rolling_mean rolling_mean_by rolling_median rolling_median_by rolling_min
    rolling_min_by rolling_quantile rolling_quantile_by rolling_rank rolling_rank_by rolling_skew
    rolling_std rolling_std_by rolling_sum rolling_sum_by rolling_var rolling_var_by roots round
    round_sig_figs row rows rows_by_key rpartition rpow rsplit rstrip rsub rtruediv running rvs
    same_quantum samefile sample scanner scatter search search_sorted searchsorted sel select
    select_dtypes select_one select_seq serialize series set_axis set_index set_names sf shift
    show_graph shrink_dtype shrink_to_fit sign simplify sin sinh size skew slice slice_indexer
    slice_locs slice_replace snap sort_by sort_index sort_key sort_values sortby sortlevel span
    sparse split splitlines sql sqrt squeeze stack staged_predict startswith stat state_dict stats
    std str strftime strip strptime struct subgraph subs successors sum sum_horizontal swap_dims
    swapaxes swapcase swaplevel symmetric_difference t_test tail take tan tanh tell text time
    timestamp timetuple title to toarray tobytes tocsc tocsr today todense tofile together tolist
    toordinal top_k top_k_by total total_seconds trace transform translate transpose truediv
    truncdiv tz_convert tz_localize unify_chunks union unique unique_counts unnest unpivot unstack
    upper upsample value value_counts values var varValue view vstack wald_test weekday weighted
    where with_columns with_columns_seq with_name with_row_index with_stem with_suffix within
    writable xor xpath xreplace xs zfill zip_with
    """
)
_DRAWING = words("""bar line scatter apply""")
"""What draws a table that is called so, and draws into anything else."""
_CALM = words(
    """
    pathlib datetime re decimal fractions sympy polars math cmath statistics string uuid calendar textwrap time glob
    platform base64 numpy pandas pyarrow statsmodels shapely astropy altair networkx torch PIL dateutil zoneinfo
    ipaddress types geopandas xarray json csv tomllib yaml
    """
)
_SOLVERS = words("""ode complex_ode RK45 RK23 DOP853 Radau BDF LSODA""")


def only_reads(name: str) -> bool:
    """Whether a method of this name changes nothing, so that its result is what it is called for.

    >>> only_reads("predict"), only_reads("to_csv"), only_reads("solve"), only_reads("step")
    (True, True, False, False)
    """
    return name in _NAMES or name.startswith(_BEGIN) or (known.only_looks(name) and name not in _DRAWING)


def only_shows(name: str) -> bool:
    """Whether a method that is called for no result shows, checks or writes elsewhere, and does not change its owner.

    >>> only_shows("describe"), only_shows("line"), only_shows("commit")
    (True, False, False)
    """
    return known.only_looks(name) and name not in _DRAWING


def is_solver(full: str) -> bool:
    """Whether a library's function makes something that goes on where it stopped, of a library of arrays."""
    top, _, name = full.rpartition(".")
    return top.startswith("scipy.") and (name in _SOLVERS or name[:1].isupper())


def is_calm(full: str) -> bool:
    """Whether methods of what a library's function makes give something new where they give anything.

    >>> is_calm("sympy.symbols"), is_calm("scipy.stats.norm"), is_calm("scipy.integrate.ode"), is_calm("pulp.LpProblem")
    (True, True, False, False)
    """
    top = full.partition(".")[0]
    return top in _CALM or (top == "scipy" and full.rpartition(".")[2] not in _SOLVERS)
