using System.Runtime.CompilerServices;

namespace Qianfan.Sdk.Datasets;

/// <summary>Conversations taken apart into turns, and put together again.</summary>
internal static class RowGroups
{
    public static async IAsyncEnumerable<DatasetItem> UnpackAsync(IAsyncEnumerable<DatasetItem> items, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long group = 0;
        await foreach (var item in items.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            if (item.Row is not { } row)
            {
                yield return item;
                continue;
            }

            group++;
            var first = 0;
            for (var i = 1; i <= row.Messages.Count; i++)
            {
                // A turn ends before the next message of the user; a system text goes with what follows it.
                if (i == row.Messages.Count || (row.Messages[i].Role == "user" && row.Messages[i - 1].Role != "system"))
                {
                    yield return new DatasetItem(row with { Messages = [.. row.Messages.Skip(first).Take(i - first)], Group = group });
                    first = i;
                }
            }
        }
    }

    public static async IAsyncEnumerable<DatasetItem> PackAsync(IAsyncEnumerable<DatasetItem> items, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        DatasetRow? open = null;
        await foreach (var item in items.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            if (item.Row is { Group: { } group } row && open?.Group == group)
            {
                open = open with { Messages = [.. open.Messages, .. row.Messages] };
                continue;
            }

            if (open is not null)
            {
                yield return new DatasetItem(open with { Group = null });
                open = null;
            }

            if (item.Row is { Group: not null } first)
            {
                open = first;
            }
            else
            {
                yield return item;
            }
        }

        if (open is not null)
        {
            yield return new DatasetItem(open with { Group = null });
        }
    }
}
