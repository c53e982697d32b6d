"""A seasonal average: the mean of the same weekday over the last weeks."""

from dataclasses import dataclass

import pandas


@dataclass
class Model:
    by_weekday: pandas.Series

    def forecast(self, days: pandas.DatetimeIndex) -> pandas.Series:
        return pandas.Series(self.by_weekday.reindex(days.dayofweek).to_numpy(), index=days)


def fit(sales: pandas.Series, weeks: int = 8) -> Model:
    recent = sales.iloc[-7 * weeks :]
    return Model(recent.groupby(recent.index.dayofweek).mean())
