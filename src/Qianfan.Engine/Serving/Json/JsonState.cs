namespace Qianfan.Engine.Serving.Json;

/// <summary>How far a JSON text has come, and what may follow. Immutable; two that may go on alike are equal.</summary>
internal abstract record JsonState
{
    /// <summary>White space between two marks: a model that writes nothing else must come to an end.</summary>
    private const int MostBlanks = 12;

    private const int MostDepth = 64;

    /// <summary>Before a text of this shape.</summary>
    public static JsonState Start(JsonShape shape) => new ValueState(new EndState(), shape, 0);

    /// <summary>After one more byte; null if it can't stand here.</summary>
    public abstract JsonState? Next(byte value);

    /// <summary>Bytes that the text needs at the least to be complete.</summary>
    public int Least => Own + (Parent?.Least ?? 0);

    /// <summary>Whether the text is complete as it stands, though more might follow.</summary>
    public virtual bool MayEnd => false;

    /// <summary>Whether nothing can follow.</summary>
    public bool Ended => this is EndState;

    /// <summary>Bytes that what begins here needs at the least.</summary>
    protected abstract int Own { get; }

    /// <summary>What goes on when that is complete; null where nothing does.</summary>
    protected virtual JsonState? Parent => null;

    protected int Depth => 1 + (Parent?.Depth ?? 0);

    private static bool IsBlank(byte value) => value is (byte)' ' or (byte)'\n' or (byte)'\t' or (byte)'\r';

    private sealed record EndState : JsonState
    {
        public override bool MayEnd => true;

        protected override int Own => 0;

        public override JsonState? Next(byte value) => null;
    }

    /// <summary>Before a value.</summary>
    private sealed record ValueState(JsonState After, JsonShape Shape, int Blanks) : JsonState
    {
        protected override JsonState? Parent => After;

        protected override int Own => Shape.Least;

        public override JsonState? Next(byte value)
        {
            if (IsBlank(value))
                return Blanks < MostBlanks ? this with { Blanks = Blanks + 1 } : null;
            // What a schema asks for is never deeper than it may be; only values of any shape could go on for ever.
            var deeper = Depth < MostDepth || Shape != JsonShape.Any;
            switch (value)
            {
                case (byte)'"' when Shape.Strings:
                    return new StringState(After, 0, StringPlace.Body);
                case (byte)'{' when Shape.Objects && deeper:
                    return new ObjectState(After, Shape, Place.First, 0, 0);
                case (byte)'[' when Shape.Arrays && deeper:
                    return new ArrayState(After, Shape.Items ?? JsonShape.Any, Place.First, 0);
                case (byte)'-' or (>= (byte)'0' and <= (byte)'9') when Shape.Numbers:
                    return new NumberState(After, Shape.IntegersOnly, value == '-' ? NumberPlace.Minus : value == '0' ? NumberPlace.Zero : NumberPlace.Digits, 1);
                default:
                    return new LiteralState(After, Shape.Literals, 0, Shape.Literals.Length, 0).Next(value);
            }
        }
    }

    /// <summary>Within one of several given texts, sorted: those from <paramref name="From"/> to <paramref name="To"/> begin with what is there.</summary>
    private sealed record LiteralState(JsonState After, byte[][] Texts, int From, int To, int Position) : JsonState
    {
        protected override JsonState? Parent => After;

        public override bool MayEnd => Complete && After.MayEnd;

        protected override int Own
        {
            get
            {
                var least = int.MaxValue;
                for (var i = From; i < To; i++)
                    least = Math.Min(least, Texts[i].Length - Position);
                return least;
            }
        }

        private bool Complete => From < To && Texts[From].Length == Position;

        public override JsonState? Next(byte value)
        {
            var (from, to) = (From, To);
            while (from < to && (Texts[from].Length == Position || Texts[from][Position] < value))
                from++;
            while (to > from && Texts[to - 1][Position] > value)
                to--;
            if (from == to)
                return Complete ? After.Next(value) : null;
            // A complete number may be the beginning of another; then the next byte decides.
            return to - from == 1 && Texts[from].Length == Position + 1 ? After : this with { From = from, To = to, Position = Position + 1 };
        }
    }

    private enum StringPlace
    {
        Body,
        Escape,

        /// <summary>Within four hexadecimal digits.</summary>
        Hex,

        /// <summary>After a first digit D: a half of a character would follow.</summary>
        HexAfterD,

        /// <summary>Within a character of several bytes; the others name what its second byte may be.</summary>
        Rest,
        RestFromA0,
        RestTo9F,
        RestFrom90,
        RestTo8F,
    }

    /// <summary>Within a text.</summary>
    private sealed record StringState(JsonState After, int Left, StringPlace At) : JsonState
    {
        protected override JsonState? Parent => After;

        protected override int Own => At switch
        {
            StringPlace.Body => 1,
            StringPlace.Escape => 2,
            _ => Left + 1,
        };

        public override JsonState? Next(byte value) => At switch
        {
            StringPlace.Body => Body(value),
            StringPlace.Escape => Escaped(value),
            StringPlace.Hex => !char.IsAsciiHexDigit((char)value) ? null : Left == 4 && (char)value is 'd' or 'D' ? Go(3, StringPlace.HexAfterD) : Go(Left - 1, StringPlace.Hex),
            StringPlace.HexAfterD => value is >= (byte)'0' and <= (byte)'7' ? Go(2, StringPlace.Hex) : null,
            StringPlace.RestFromA0 => Continue(value, 0xa0, 0xbf),
            StringPlace.RestTo9F => Continue(value, 0x80, 0x9f),
            StringPlace.RestFrom90 => Continue(value, 0x90, 0xbf),
            StringPlace.RestTo8F => Continue(value, 0x80, 0x8f),
            _ => Continue(value, 0x80, 0xbf),
        };

        private JsonState? Body(byte value) => value switch
        {
            (byte)'"' => After,
            (byte)'\\' => Go(0, StringPlace.Escape),
            < 0x20 => null,
            < 0x80 => this,
            >= 0xc2 and <= 0xdf => Go(1, StringPlace.Rest),
            0xe0 => Go(2, StringPlace.RestFromA0),
            0xed => Go(2, StringPlace.RestTo9F),
            >= 0xe1 and <= 0xef => Go(2, StringPlace.Rest),
            0xf0 => Go(3, StringPlace.RestFrom90),
            0xf4 => Go(3, StringPlace.RestTo8F),
            >= 0xf1 and <= 0xf3 => Go(3, StringPlace.Rest),
            _ => null,
        };

        private StringState? Escaped(byte value) => value switch
        {
            (byte)'"' or (byte)'\\' or (byte)'/' or (byte)'b' or (byte)'f' or (byte)'n' or (byte)'r' or (byte)'t' => Go(0, StringPlace.Body),
            (byte)'u' => Go(4, StringPlace.Hex),
            _ => null,
        };

        private StringState? Continue(byte value, int from, int to) => value >= from && value <= to ? Go(Left - 1, StringPlace.Rest) : null;

        private StringState Go(int left, StringPlace at) => this with { Left = left, At = left == 0 && at is StringPlace.Hex or StringPlace.Rest ? StringPlace.Body : at };
    }

    private enum NumberPlace
    {
        Minus,
        Zero,
        Digits,
        Point,
        Fraction,
        E,
        Sign,
        Exponent,
    }

    /// <summary>Within a number; it ends with the first byte that is none of it.</summary>
    private sealed record NumberState(JsonState After, bool Integer, NumberPlace At, int Count) : JsonState
    {
        protected override JsonState? Parent => After;

        /// <summary>What a 64-bit number can tell apart.</summary>
        private const int MostDigits = 15;

        private const int MostExponentDigits = 2;

        private bool Complete => At is NumberPlace.Zero or NumberPlace.Digits or NumberPlace.Fraction or NumberPlace.Exponent;

        public override bool MayEnd => Complete && After.MayEnd;

        protected override int Own => Complete ? 0 : 1;

        public override JsonState? Next(byte value)
        {
            var next = value switch
            {
                >= (byte)'0' and <= (byte)'9' => Digit(value),
                (byte)'.' when !Integer && At is NumberPlace.Zero or NumberPlace.Digits => Go(NumberPlace.Point, 0),
                (byte)'e' or (byte)'E' when !Integer && At is NumberPlace.Zero or NumberPlace.Digits or NumberPlace.Fraction => Go(NumberPlace.E, 0),
                (byte)'+' or (byte)'-' when At == NumberPlace.E => Go(NumberPlace.Sign, 0),
                _ => null,
            };
            return next ?? (Complete && !char.IsAsciiDigit((char)value) ? After.Next(value) : null);
        }

        private NumberState? Digit(byte value) => At switch
        {
            NumberPlace.Minus => Go(value == '0' ? NumberPlace.Zero : NumberPlace.Digits, 1),
            NumberPlace.Digits when Count < MostDigits => Go(NumberPlace.Digits, Count + 1),
            NumberPlace.Point => Go(NumberPlace.Fraction, 1),
            NumberPlace.Fraction when Count < MostDigits => Go(NumberPlace.Fraction, Count + 1),
            NumberPlace.E or NumberPlace.Sign => Go(NumberPlace.Exponent, 1),
            NumberPlace.Exponent when Count < MostExponentDigits => Go(NumberPlace.Exponent, Count + 1),
            _ => null,
        };

        private NumberState Go(NumberPlace at, int count) => this with { At = at, Count = count };
    }

    private enum Place
    {
        /// <summary>After the opening bracket.</summary>
        First,
        AfterValue,
        AfterComma,
    }

    /// <summary>Between the properties of an object.</summary>
    private sealed record ObjectState(JsonState After, JsonShape Shape, Place At, ulong Seen, int Blanks) : JsonState
    {
        protected override JsonState? Parent => After;

        /// <summary>An empty name, a colon and one digit.</summary>
        private const int LeastFree = 4;

        public JsonShape.Property[]? Properties => Shape.Properties;

        private bool Free => Properties is null;

        private bool AnyLeft => Free || System.Numerics.BitOperations.PopCount(Seen) < Properties!.Length;

        private bool MayClose => At != Place.AfterComma && MissingBytes(out _) == 0;

        protected override int Own
        {
            get
            {
                var bytes = MissingBytes(out var count);
                if (At == Place.AfterComma && count == 0)
                    return 1 + (Free ? LeastFree : Properties!.Where((_, i) => !Has(i)).Min(Bytes));
                // Commas between them, and one before the first if a value stands there.
                return 1 + bytes + (count == 0 ? 0 : At == Place.AfterValue ? count : count - 1);
            }
        }

        public bool Has(int index) => (Seen >> index & 1) != 0;

        public ColonState With(int index) => new ColonState(this with { At = Place.AfterValue, Seen = Seen | 1ul << index, Blanks = 0 }, Properties![index].Shape, 0);

        public override JsonState? Next(byte value)
        {
            if (IsBlank(value))
                return Blanks < MostBlanks ? this with { Blanks = Blanks + 1 } : null;
            return value switch
            {
                (byte)'}' when MayClose => After,
                (byte)',' when At == Place.AfterValue && AnyLeft => this with { At = Place.AfterComma, Blanks = 0 },
                (byte)'"' when At != Place.AfterValue && AnyLeft => Free
                    ? new StringState(new ColonState(this with { At = Place.AfterValue, Blanks = 0 }, JsonShape.Any, 0), 0, StringPlace.Body)
                    : new KeyState(this, 0, Properties!.Length, 1),
                _ => null,
            };
        }

        private static int Bytes(JsonShape.Property property) => property.Key.Length + 1 + property.Shape.Least;

        private int MissingBytes(out int count)
        {
            var bytes = count = 0;
            for (var i = 0; i < Properties?.Length; i++)
            {
                if (!Properties[i].Required || Has(i))
                    continue;
                bytes += Bytes(Properties[i]);
                count++;
            }
            return bytes;
        }
    }

    /// <summary>Within a name out of those that are left.</summary>
    private sealed record KeyState(ObjectState Object, int From, int To, int Position) : JsonState
    {
        protected override int Own => Open().Min(i => Object.Properties![i].Key.Length - Position + Object.With(i).Least);

        public override JsonState? Next(byte value)
        {
            var properties = Object.Properties!;
            var (from, to) = (From, To);
            while (from < to && (properties[from].Key.Length <= Position || properties[from].Key[Position] < value))
                from++;
            while (to > from && properties[to - 1].Key[Position] > value)
                to--;
            var next = this with { From = from, To = to, Position = Position + 1 };
            if (!next.Open().Any())
                return null;
            // Names end with a quotation mark, so that none is the beginning of another.
            return value == '"' && properties[from].Key.Length == Position + 1 ? Object.With(from) : next;
        }

        private IEnumerable<int> Open() => Enumerable.Range(From, To - From).Where(i => !Object.Has(i));
    }

    /// <summary>After a name.</summary>
    private sealed record ColonState(JsonState After, JsonShape Shape, int Blanks) : JsonState
    {
        protected override JsonState? Parent => After;

        protected override int Own => 1 + Shape.Least;

        public override JsonState? Next(byte value) =>
            value == ':' ? new ValueState(After, Shape, 0) : IsBlank(value) && Blanks < MostBlanks ? this with { Blanks = Blanks + 1 } : null;
    }

    /// <summary>Between the elements of a list.</summary>
    private sealed record ArrayState(JsonState After, JsonShape Items, Place At, int Blanks) : JsonState
    {
        protected override JsonState? Parent => After;

        protected override int Own => 1;

        public override JsonState? Next(byte value)
        {
            if (IsBlank(value))
                return Blanks < MostBlanks ? this with { Blanks = Blanks + 1 } : null;
            var next = this with { At = Place.AfterValue, Blanks = 0 };
            if (value == ']')
                return After;
            if (At == Place.First)
                return new ValueState(next, Items, 0).Next(value);
            return value == ',' ? new ValueState(next, Items, 0) : null;
        }
    }
}
