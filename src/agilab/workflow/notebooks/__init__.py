"""Labs from notebooks and to them.

importing     notebooks as a lab on disk; `bringing` takes along what lies beside a lab's own notebook
verification  a notebook and its stages, both run: in a `room` (its folder `lent`), by a `kernel` (`in_kernel` is its
              script; `cut_off` ends what somebody ends), then set side by side (`both`, `comparison`,
              `likeness`, `texts`, `lost_files`)
exporting     a lab as a notebook; `text_forms` writes the forms of jupytext
union         could its stages share one kernel? `together` resolves their environments
session       the lab inside a notebook: `agilab.Lab` and `%%stage`
"""
