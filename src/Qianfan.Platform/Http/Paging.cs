using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Http;

/// <summary>A list request's place: after which id, how many, from which end.</summary>
internal sealed record Paging(string? Marker, int MaxKeys, bool Reverse)
{
    /// <summary>From a request's fields.</summary>
    /// <exception cref="PlatformException">maxKeys is out of range.</exception>
    public static Paging Of(string? marker, int? maxKeys, bool? pageReverse)
    {
        if (maxKeys is < 1 or > 100) throw PlatformException.Invalid("maxKeys", "param[maxKeys] must be between 1 and 100");
        return new Paging(string.IsNullOrEmpty(marker) ? null : marker, maxKeys ?? 10, pageReverse ?? false);
    }

    /// <summary>A page, newest first unless reversed. The marker is the id of the last row of the page before.</summary>
    public async Task<Page<T>> ApplyAsync<T>(IQueryable<T> rows, CancellationToken cancellationToken) where T : OwnedRow
    {
        var query = rows;
        if (Marker is not null)
        {
            var number = OwnedRows.ParseId(Marker);
            var at = await rows.Where(row => row.PublicId == Marker || row.Id == number).Select(row => (int?)row.Id).SingleOrDefaultAsync(cancellationToken)
                ?? throw PlatformException.Invalid("marker", $"param[marker] invalid: there is no {PlatformException.Shown(Marker)}");
            query = Reverse ? query.Where(row => row.Id > at) : query.Where(row => row.Id < at);
        }

        var found = await (Reverse ? query.OrderBy(row => row.Id) : query.OrderByDescending(row => row.Id)).Take(MaxKeys + 1).ToListAsync(cancellationToken);
        var page = found.Take(MaxKeys).ToList();
        var truncated = found.Count > MaxKeys;
        return new Page<T>(page, new PageInfo { Marker = Marker ?? "", MaxKeys = MaxKeys, IsTruncated = truncated, NextMarker = truncated ? page[^1].PublicId : "" });
    }
}

/// <summary>A page of a list.</summary>
internal sealed record Page<T>(IReadOnlyList<T> Rows, PageInfo Info);
